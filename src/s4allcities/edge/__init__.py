"""Twin 1: devices and legacy systems in, validated and anonymised observations out."""
