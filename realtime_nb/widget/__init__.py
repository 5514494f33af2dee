"""The cards that users see: `RealtimeWidget`, its traits and methods; and `Recorder`."""

from realtime_nb.widget.widget import RealtimeWidget

__all__ = ["RealtimeWidget"]
