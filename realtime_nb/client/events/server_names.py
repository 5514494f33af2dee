"""Gives the responses, items and calls of a conversation names of their own, whatever ids a server uses.

Owns which of our names stands for which id of the server. Must not know events.
"""

from __future__ import annotations

import re
import secrets

from realtime_nb.client.events.recent import Recent

_UNIQUE = re.compile("[0-9A-Za-z]{12}")
"""What an id has that no other session uses; ours have it too."""


class ServerNames:
    """The names of one kind of thing (responses, items or calls), and the server's ids for them."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._used: Recent[None] = Recent()
        self._ours: Recent[str] = Recent()  # by the server's id: the latest thing of that id
        self._servers: Recent[str] = Recent()  # by our name, where it is another
        self._given: Recent[None] = Recent()  # names that this side gave, and the server has taken

    def new(self, server_id: str | None) -> str:
        """A name for a thing that has just begun: the server's id, unless it was used before."""
        name, count = server_id or f"{self._kind}_unnamed", 1
        while name in self._used or (server_id is None and count == 1):
            count += 1
            name = f"{server_id or self._kind + '_unnamed'}~{count}"
        self._used[name] = None
        if server_id:
            self._ours[server_id] = name
            if name != server_id:
                self._servers[name] = server_id
        return name

    def keep(self, name: str) -> None:
        """A thing that is sent under this name has it, also where it had it in a session before."""
        self._used[name] = None
        if name not in self._servers:
            self._ours[name] = name
            self._given[name] = None

    def another(self, name: str) -> str:
        """A name like `name` for a thing that the server gives no id of its own."""
        count = 2
        while f"{name}~{count}" in self._used:
            count += 1
        self._used[f"{name}~{count}"] = None
        return f"{name}~{count}"

    def alias(self, server_id: str, name: str) -> None:
        """The server calls a thing of ours by another id."""
        self._ours[server_id] = name
        self._servers[name] = server_id
        self._used[server_id] = None

    def inward(self, server_id: str) -> str | None:
        """Our name for the server's id, or None where the server has not used it yet."""
        return self._ours.get(server_id)

    def outward(self, name: str) -> str:
        """The server's id for our name."""
        return self._servers.get(name, name)

    def outward_in_new_session(self, name: str) -> str:
        """The id under which a thing of an earlier session is created in the present one: the one it had, if it can.

        A server that counts its ids would give a short one to another thing in this session.
        """
        is_counted = name in self._used and name not in self._given and not _UNIQUE.search(name)
        if is_counted and name not in self._ours and name not in self._servers:
            self.alias(f"{self._kind}_{secrets.token_hex(10)}", name)
        return self.outward(name)

    def restart(self) -> None:
        """Another session begins: its ids are its own, and names that were used stay used."""
        self._ours.clear()
        self._servers.clear()
