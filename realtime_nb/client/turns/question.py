"""The user's turn that a response is asked for, and whether the server's present session has it.

Owns what is known of a question that was sent: its acknowledgement, its item, and a refusal. Must not know sockets, or
how it is answered.
"""

from __future__ import annotations

import asyncio
from typing import Any

from realtime_nb.client.events.client_event import item_id_for
from realtime_nb.client.events.sender import Sender
from realtime_nb.client.reconnect.session_snapshot import SessionSnapshot
from realtime_nb.client.utterance import Utterance
from realtime_nb.wire.realtime import to_dict, user_message


class SaidQuestion:
    """A question that was sent: the `AskedTurn` of a `ResponseRequest`.

    Args:
        accepted: gets the server's acknowledgement, or the error that it was refused or lost with.
        snapshot: tells which items the present session refused when it was restored.
        item_id: the id of its item; None where the server makes it, and the acknowledgement has it.
    """

    def __init__(self, accepted: asyncio.Future[Any], snapshot: SessionSnapshot, item_id: str | None = None) -> None:
        self.accepted = accepted
        self._snapshot = snapshot
        self._item_id = item_id

    @property
    def item_id(self) -> str | None:
        """The id of its item, once it is known."""
        if self._item_id is None and self._is_over and self.accepted.exception() is None:
            self._item_id = self.accepted.result().item_id
        return self._item_id

    def problem(self) -> Exception | None:
        """Why the server's present session does not have it.

        Every item of the conversation is sent again to a new session before anything else, so that a question is
        missing in two cases only: it never became an item, or the session refused the item.
        """
        problem: BaseException | None = self.accepted.exception() if self._is_over else None
        if problem is None:
            problem = self._snapshot.missing.get(self.item_id or "")
        return problem if isinstance(problem, Exception) else None

    @property
    def _is_over(self) -> bool:
        return self.accepted.done() and not self.accepted.cancelled()


def type_question(sender: Sender, utterance: Utterance, snapshot: SessionSnapshot) -> SaidQuestion:
    """Send a typed turn; this side names its item, so that it can be shown at once."""
    event_id = sender.new_event_id()
    item_id = item_id_for(event_id)
    item = user_message(utterance.text or "", images=utterance.images, detail=utterance.detail, id=item_id)
    create = {"type": "conversation.item.create", "event_id": event_id, "item": to_dict(item)}
    return SaidQuestion(sender.post(create), snapshot, item_id)
