"""Saves a conversation to a file: an HTML page, text, JSON or a WAV file."""

from realtime_nb.recording.page import to_html
from realtime_nb.recording.save import save

__all__ = ["save", "to_html"]
