"""Wires: one folder an API, each sans-IO: bytes in, typed events out."""
