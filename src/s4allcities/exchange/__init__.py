"""Servers and clients for partners, built on the codecs of `formats`."""
