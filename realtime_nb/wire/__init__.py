"""Wire protocols as typed events, one folder for each API; sans-IO: bytes in, events out."""
