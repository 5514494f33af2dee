"""The widget that users see: `RealtimeWidget`, its traits and methods."""

from realtime_nb.widget.widget import RealtimeWidget

__all__ = ["RealtimeWidget"]
