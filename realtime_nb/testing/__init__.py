"""Servers on a real socket for tests and for teaching: one plays a script, one answers with known latencies."""

from .answers import Asked, Call, Reply
from .scripted import Script, ScriptedServer, Step, abort, close, delay, expect, never, raw, run, send
from .simulated_backend import SimulatedBackend, SimulatedInput

__all__ = [
    "Asked",
    "Call",
    "Reply",
    "Script",
    "ScriptedServer",
    "SimulatedBackend",
    "SimulatedInput",
    "Step",
    "abort",
    "close",
    "delay",
    "expect",
    "never",
    "raw",
    "run",
    "send",
]
