"""The clock of a replay: its pace, its limits of time and the stamps of its events are all on it."""

from __future__ import annotations

import time

now_s = time.perf_counter
"""Returns seconds from an arbitrary zero."""
