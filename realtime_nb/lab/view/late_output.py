"""An output of a cell that is filled after the cell has ended.

Owns the message that fills it, and which run of which cell it belongs to. Must not know what is shown.

Front ends find the output by its id, wherever it is (docs/notebook.md 22). An update for one that is gone, because its
cell ran again or was cleared, changes nothing (docs/notebook.md 43).
"""

from __future__ import annotations

import uuid
from typing import Any


class LateOutput:
    """An output of HTML below the running cell, which any thread may replace later.

    Attributes:
        cell: the id that the front end gives the cell.
        run: the id of the request to run it: a later run of the same cell has another.
    """

    def __init__(self, publisher: Any, parent: Any) -> None:
        self._publisher = publisher
        self._parent = parent
        self._display_id = uuid.uuid4().hex
        self.cell = str(parent["metadata"]["cellId"])
        self.run = str(parent["header"]["msg_id"])

    @classmethod
    def of_running_cell(cls) -> LateOutput | None:
        """Return an output of the cell that is running; None where no page would show what comes after the cell.

        A front end names the cell that it runs. Programs that run notebooks do not, and they read nothing after the
        last cell. Below `%%capture` the output belongs to the cell's code.
        """
        from IPython.core.getipython import get_ipython

        shell: Any = get_ipython()
        publisher = getattr(shell, "display_pub", None)
        if not hasattr(shell, "get_parent") or not hasattr(publisher, "pub_socket"):
            return None
        parent = shell.get_parent()
        named = "cellId" in (parent.get("metadata") or ()) and "header" in parent
        return cls(publisher, parent) if named else None

    def show(self, html: str, text: str) -> None:
        """Show the output for the first time."""
        self._send("display_data", html, text)

    def fill(self, html: str, text: str) -> None:
        """Replace what the output shows."""
        self._send("update_display_data", html, text)

    def _send(self, kind: str, html: str, text: str) -> None:
        # Not `publish`, which a thread of ours would call with the newest message of any kind as the parent: VS Code
        # takes an update only from the cell's own run.
        content = {
            "data": {"text/html": html, "text/plain": text},
            "metadata": {},
            "transient": {"display_id": self._display_id},
        }
        self._publisher.session.send(
            self._publisher.pub_socket, kind, content, parent=self._parent, ident=self._publisher.topic
        )
