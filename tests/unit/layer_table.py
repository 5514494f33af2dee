"""The layers of the package, as data; test_layers.py checks the imports, CONTRIBUTING.md shows the table.

Owns the order of the layers and what each may not import. To add a module at the top level of `realtime_nb`, or a
folder, add its name to a row here and to the table in CONTRIBUTING.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Layer:
    """One row of the table.

    Attributes:
        names: the top-level modules or folders in this row; those in one row do not import each other.
        owns: the row's responsibility, in words.
        must_not_know: what the row must not know, in words.
        not_layers: rows above this one that it must not import all the same.
        not_packages: top-level packages of others that it must not import.
        rooms: by folder inside it, the layers and packages that only this folder may import all the same.
    """

    names: tuple[str, ...]
    owns: str
    must_not_know: str
    not_layers: frozenset[str] = frozenset()
    not_packages: frozenset[str] = frozenset()
    rooms: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def allowed_in(self, module: str) -> frozenset[str]:
        """Return the layers and packages that a module, by its dotted name, may import although the layer may not."""
        parts = module.split(".")
        return self.rooms.get(parts[2], frozenset()) if len(parts) > 3 else frozenset()


_NOTEBOOK_PACKAGES = frozenset({"traitlets", "ipywidgets", "anywidget", "comm"})
_PURE = frozenset({"asyncio", "socket", "websockets", "tornado"}) | _NOTEBOOK_PACKAGES

_ABOVE_TUTORIALS = (
    Layer(
        ("texts",),
        "how a text is cut, and what replaces half of a surrogate pair",
        "anything else",
        not_packages=_PURE | {"numpy"},
    ),
    Layer(("redact",), "hiding keys in texts", "anything else", not_packages=_PURE | {"numpy"}),
    Layer(("errors",), "the exception tree", "anything else but `redact`", not_packages=_PURE | {"numpy"}),
    Layer(
        ("keys",),
        "keys as values that nothing shows; the refusal of keys in addresses",
        "which server a key is for",
        not_packages=(_PURE - {"asyncio"}) | {"numpy"},
    ),
    Layer(("forks",), "which process made an object", "the objects", not_packages=_PURE | {"numpy"}),
    Layer(
        ("loopback",),
        "which hosts are this machine; the port of `realtime-nb serve`",
        "anything else",
        not_packages=_PURE | {"numpy"},
    ),
    Layer(("replace_file",), "how a file is replaced whole", "anything else", not_packages=_PURE | {"numpy"}),
    Layer(
        ("audio",),
        "PCM16, sound files, G.711, levels, the resampler; numpy, and soundfile late",
        "events, asyncio",
        not_packages=_PURE,
    ),
    Layer(
        ("images",),
        "pictures as data URIs",
        "sockets, widgets; numpy and matplotlib are never imported",
        not_packages=_PURE | {"numpy", "matplotlib"},
    ),
    Layer(
        ("wire",),
        "the Realtime API's events and session configuration as types; bytes in, events out",
        "asyncio, sockets, widgets",
        not_packages=_PURE,
    ),
    Layer(
        ("conversation",),
        "items, turns, order, what was heard, usage, prices: `reduce(state, event)`",
        "asyncio, threads, sockets, widgets",
        not_packages=_PURE | {"threading"},
    ),
    Layer(
        ("tools",),
        "a Python function as a tool: schema, validation, calling",
        "the conversation, sockets, widgets",
        not_layers=frozenset({"conversation"}),
        not_packages=_NOTEBOOK_PACKAGES | {"websockets", "tornado"},
    ),
    Layer(
        ("client",),
        "transports, the connection, reconnection, the session and its turns",
        "widgets, comms, which backend it talks to",
        not_packages=_NOTEBOOK_PACKAGES | {"tornado"},
    ),
    Layer(
        ("local",),
        "the local backend, by rules or with local models: a Realtime server on this machine, in its own process",
        "the client and the conversation: it is reached through a socket, as any other backend",
        not_layers=frozenset({"client", "conversation", "tools"}),
        not_packages=_NOTEBOOK_PACKAGES | {"websockets"},
    ),
    Layer(
        ("backends",),
        'what `"auto"`, `"openai"`, `"azure"`, `"local"` or a URL means: endpoint, key, headers; `connect()`',
        "widgets, comms",
        not_packages=_NOTEBOOK_PACKAGES,
    ),
    Layer(("calls",), "`rt.calls`: the REST requests about calls by telephone", "sockets, widgets"),
    Layer(("recording",), "a conversation as a file: HTML, text, JSON, WAV", "sessions, the notebook"),
    Layer(
        ("notebook",),
        "the event-loop thread, comm messages, sound to and from the page, the controller between session and widget",
        "the widget",
    ),
    Layer(("widget",), "`RealtimeWidget`: traits and methods", "how sound or events travel"),
    Layer(
        ("lab",),
        "experiments: utterances, variants, plans, runs, measures, grades, statistics, results",
        "the widget and the notebook",
        not_layers=frozenset({"widget", "notebook"}),
        not_packages=_NOTEBOOK_PACKAGES,
        # The card of results; it is imported when results are shown, so that a script needs no widget.
        rooms={"view": frozenset({"notebook", "anywidget", "traitlets"})},
    ),
)

# A layer imports only the layers in the rows above it.
LAYERS = (
    *_ABOVE_TUTORIALS,
    Layer(
        ("tutorials",),
        "the tutorial notebooks, as files",
        "every other layer",
        not_layers=frozenset(name for layer in _ABOVE_TUTORIALS for name in layer.names),
    ),
    Layer(("cli_ask", "checkup"), "the command `ask`; the checks of `doctor`", "the command line's parser"),
    Layer(("cli",), "the command `realtime-nb`", "how its commands work"),
)

TESTING_SEES = frozenset({"errors", "audio", "wire", "local"})
"""The layers that the public module `testing` may import; no layer imports `testing`."""
