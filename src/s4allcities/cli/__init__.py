"""The `s4` command, one module a command, imported lazily."""
