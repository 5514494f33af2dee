"""Talk with a realtime voice model in a Jupyter notebook.

`RealtimeWidget()` in a cell shows a conversation; `connect()` opens a connection without a widget. Importing this
package is quick: each name is loaded at its first use.

Example:
    >>> import realtime_nb as rt
    >>> w = rt.RealtimeWidget(instructions="Be brief.")  # doctest: +SKIP
    >>> turn = await w.ask("Hello!")  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from realtime_nb import calls as calls
    from realtime_nb import errors as errors
    from realtime_nb import testing as testing
    from realtime_nb.audio import AudioClip as AudioClip
    from realtime_nb.backends import Backend as Backend
    from realtime_nb.backends import connect as connect
    from realtime_nb.backends import create_client_secret as create_client_secret
    from realtime_nb.checkup import doctor as doctor
    from realtime_nb.client.auth.client_secrets import ClientSecret as ClientSecret
    from realtime_nb.client.auth.prompt import prompt_for_key as prompt_for_key
    from realtime_nb.client.connection import RealtimeConnection as RealtimeConnection
    from realtime_nb.client.reconnect.policy import Reconnect as Reconnect
    from realtime_nb.client.replay.scenario import BargeIn as BargeIn
    from realtime_nb.client.replay.scenario import Scenario as Scenario
    from realtime_nb.client.session import RealtimeSession as RealtimeSession
    from realtime_nb.client.turns.mcp_approvals import McpApprovalRequest as McpApprovalRequest
    from realtime_nb.client.utterance import Utterance as Utterance
    from realtime_nb.client.variant import Variant as Variant
    from realtime_nb.conversation import Latency as Latency
    from realtime_nb.conversation import Prices as Prices
    from realtime_nb.conversation import ToolCall as ToolCall
    from realtime_nb.conversation import Turn as Turn
    from realtime_nb.conversation import Usage as Usage
    from realtime_nb.errors import AudioError as AudioError
    from realtime_nb.errors import BudgetError as BudgetError
    from realtime_nb.errors import ConfigError as ConfigError
    from realtime_nb.errors import ConnectError as ConnectError
    from realtime_nb.errors import MicrophoneError as MicrophoneError
    from realtime_nb.errors import RealtimeError as RealtimeError
    from realtime_nb.errors import ServerError as ServerError
    from realtime_nb.errors import SessionExpired as SessionExpired
    from realtime_nb.errors import TimeoutError as TimeoutError  # noqa: A004 - also the built-in
    from realtime_nb.keys.secret import EnvKey as EnvKey
    from realtime_nb.lab import graders as graders
    from realtime_nb.lab import perturbations as perturbations
    from realtime_nb.lab.lab import Lab as Lab
    from realtime_nb.lab.results.results import Results as Results
    from realtime_nb.lab.spoken import spoken as spoken
    from realtime_nb.lab.utterances import perturb as perturb
    from realtime_nb.lab.variants import grid as grid
    from realtime_nb.lab.variants import template as template
    from realtime_nb.local import LocalServer as LocalServer
    from realtime_nb.notebook.audio.microphone_options import Microphone as Microphone
    from realtime_nb.notebook.runtime import allow_nested_asyncio as allow_nested_asyncio
    from realtime_nb.notebook.runtime import run as run
    from realtime_nb.tools import Tool as Tool
    from realtime_nb.tools.stub import stub as stub
    from realtime_nb.widget import RealtimeWidget as RealtimeWidget
    from realtime_nb.widget.recorder import Recorder as Recorder
    from realtime_nb.wire.realtime import McpTool as McpTool
    from realtime_nb.wire.realtime import NoiseReduction as NoiseReduction
    from realtime_nb.wire.realtime import SemanticVad as SemanticVad
    from realtime_nb.wire.realtime import ServerVad as ServerVad
    from realtime_nb.wire.realtime import Transcription as Transcription
    from realtime_nb.wire.realtime import UnknownEvent as UnknownEvent
    from realtime_nb.wire.realtime import assistant_message as assistant_message
    from realtime_nb.wire.realtime import function_output as function_output
    from realtime_nb.wire.realtime import system_message as system_message
    from realtime_nb.wire.realtime import user_message as user_message

_HOMES = {
    "AudioClip": "audio",
    "AudioError": "errors",
    "Backend": "backends",
    "BargeIn": "client.replay.scenario",
    "BudgetError": "errors",
    "ClientSecret": "client.auth.client_secrets",
    "ConfigError": "errors",
    "ConnectError": "errors",
    "EnvKey": "keys.secret",
    "Lab": "lab.lab",
    "Latency": "conversation",
    "LocalModels": "local.models",
    "LocalServer": "local",
    "McpApprovalRequest": "client.turns.mcp_approvals",
    "McpTool": "wire.realtime",
    "Microphone": "notebook.audio.microphone_options",
    "MicrophoneError": "errors",
    "NoiseReduction": "wire.realtime",
    "Prices": "conversation",
    "RealtimeConnection": "client.connection",
    "RealtimeError": "errors",
    "RealtimeSession": "client.session",
    "RealtimeWidget": "widget",
    "Reconnect": "client.reconnect.policy",
    "Results": "lab.results.results",
    "Recorder": "widget.recorder",
    "Scenario": "client.replay.scenario",
    "SemanticVad": "wire.realtime",
    "ServerError": "errors",
    "ServerVad": "wire.realtime",
    "SessionExpired": "errors",
    "TimeoutError": "errors",
    "Tool": "tools",
    "ToolCall": "conversation",
    "Transcription": "wire.realtime",
    "Turn": "conversation",
    "UnknownEvent": "wire.realtime",
    "Usage": "conversation",
    "Utterance": "client.utterance",
    "Variant": "client.variant",
    "allow_nested_asyncio": "notebook.runtime",
    "assistant_message": "wire.realtime",
    "connect": "backends",
    "create_client_secret": "backends",
    "doctor": "checkup",
    "function_output": "wire.realtime",
    "grid": "lab.variants",
    "perturb": "lab.utterances",
    "prompt_for_key": "client.auth.prompt",
    "run": "notebook.runtime",
    "spoken": "lab.spoken",
    "stub": "tools.stub",
    "system_message": "wire.realtime",
    "template": "lab.variants",
    "user_message": "wire.realtime",
}
_MODULES = {
    "calls": "calls",
    "errors": "errors",
    "graders": "lab.graders",
    "perturbations": "lab.perturbations",
    "testing": "testing",
}

__all__ = ["__version__", *_HOMES, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"{__name__}.{_MODULES[name]}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
