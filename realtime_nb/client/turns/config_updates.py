"""Send a `session.update` when the server accepts it, and wait for its echo.

Owns the order of updates: speed waits for the end of a response, turn detection is off while recorded sound is asked,
and each echo must come in time. `session_config` decides what may change. Must not know turns.
"""

from __future__ import annotations

import asyncio
from typing import Any

from realtime_nb.client.events.pending_requests import UPDATE_ANSWER_S, update_unanswered
from realtime_nb.client.session_config import SessionConfig
from realtime_nb.client.turns.event_sender import EventSender
from realtime_nb.client.turns.response_queue import ResponseQueue


class ConfigUpdates:
    """The updates of one session's configuration.

    Args:
        config: the settings and their echo.
        sender: sends updates.
        responses: tells whether one is under way.
    """

    def __init__(self, config: SessionConfig, sender: EventSender, responses: ResponseQueue) -> None:
        self._config = config
        self._sender = sender
        self._responses = responses
        self._resumed: asyncio.Future[Any] | None = None

    async def send(self, session: dict[str, Any]) -> bool:
        """Send a checked session and wait for the server's echo.

        Returns:
            False where nothing was sent, because only a new session takes another voice.

        Raises:
            ConfigError: tracing cannot change. ServerError: the server refused it. TimeoutError: it did not answer.
        """
        if "tracing" in session:
            self._config.keep_tracing(session)
        if "audio" in session:
            if self._config.is_another_voice(session):
                return False
            self._config.keep_voice(session)
            if self._responses.active and "speed" in (session.get("audio") or {}).get("output", ()):
                await self._responses.idle()  # the service changes speed between turns only (docs/protocol.md 10)
            self._config.hold_back_turn_detection(session)
        answers = [self._sender.post({"type": "session.update", "session": session})] if len(session) > 1 else []
        if self._resumed is not None:
            answers.append(self._resumed)
        try:
            async with asyncio.timeout(UPDATE_ANSWER_S):
                for answer in answers:
                    await asyncio.shield(answer)
        except TimeoutError:
            raise update_unanswered() from None
        return True

    def put_off_turn_detection(self) -> None:
        """Turn turn detection off until `resume_turn_detection`; the update is queued before this returns."""
        session = self._config.put_off_turn_detection()
        if session is not None:
            self._sender.put({"type": "session.update", "session": session})

    def resume_turn_detection(self) -> None:
        """Turn turn detection on again as it was; the update is queued before this returns."""
        session = self._config.resumed_turn_detection()
        if session is not None:
            self._resumed = self._sender.post({"type": "session.update", "session": session})
            self._resumed.add_done_callback(self._on_resumed)

    def _on_resumed(self, answer: asyncio.Future[Any]) -> None:
        self._resumed = None
        self._config.turn_detection_is_back()
