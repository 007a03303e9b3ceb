"""Redaction, pseudonyms, retention and the privacy of published counts."""
