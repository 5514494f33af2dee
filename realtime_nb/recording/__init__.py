"""A conversation kept: as a page, as text, as data, as sound."""

from realtime_nb.recording.page import to_html
from realtime_nb.recording.save import save

__all__ = ["save", "to_html"]
