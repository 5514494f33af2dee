"""The widget."""

from realtime_nb.widget.widget import RealtimeWidget

__all__ = ["RealtimeWidget"]
