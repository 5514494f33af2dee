"""Conversations whose websockets are killed 200 times at random points lose and repeat nothing.

Every connection is killed after a random number of bytes: in handshakes, deltas, tool calls or commits. Settled turns
must stay settled, each tool call must run once and be answered once, and the last session must have the whole
conversation.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

import realtime_nb as rt
from realtime_nb import errors
from realtime_nb.client.session import RealtimeSession
from tests.integration.flaky_proxy import FlakyProxy

KILLS = 20
POLICY = rt.Reconnect(first_delay_s=0.002, longest_delay_s=0.02, attempts=60)


@pytest.fixture(scope="module")
def backend() -> Iterator[rt.LocalServer]:
    with rt.LocalServer(pace=0) as server:
        yield server


class Storm:
    """Kills each connection after a random number of bytes, until it is stopped."""

    def __init__(self, proxy: FlakyProxy, seed: int) -> None:
        self.proxy = proxy
        self.chance = random.Random(seed)

    def strike(self) -> None:
        """Set after how many bytes the present or the next connection is killed."""
        # Small numbers hit handshakes and greetings, large ones deltas, tools and commits.
        down = self.chance.choice([self.chance.randrange(1, 600), self.chance.randrange(600, 30_000)])
        up = self.chance.choice([None, self.chance.randrange(1, 8_000)])
        self.proxy.kill_after(down=down, up=up, how=self.chance.choice(["reset", "end"]))


@pytest.mark.parametrize("seed", range(10))
async def test_a_conversation_survives_twenty_socket_kills(backend: rt.LocalServer, seed: int) -> None:
    runs: Counter[str] = Counter()
    complaints: list[Exception] = []
    refused: list[errors.ConnectError] = []
    asked: list[str] = []
    answers: list[rt.Turn] = []

    async def look_up(number: str) -> str:
        """Look a number up in the register.

        Args:
            number: the number.
        """
        runs[number] += 1
        await asyncio.sleep(0.01)
        return f"entry {number}"

    async with FlakyProxy(backend.url) as proxy, rt.connect(url=proxy.url, reconnect=POLICY) as connection:
        session = RealtimeSession(connection, {"output": "text", "turn_detection": None}, tools=[look_up])
        session.on_error = complaints.append
        storm = Storm(proxy, seed)
        async with session:
            while proxy.kills < KILLS:
                number = len(asked)
                storm.strike()
                try:
                    if number % 4 == 3:
                        await session.ask(np.zeros(4800, np.int16), timeout=30)
                    asked.append(f"Look up {number}." if number % 4 == 1 else f"What is {number} plus {number}?")
                    answers.append(await session.ask(asked[-1], timeout=30))
                except errors.ConnectError as error:
                    refused.append(error)  # lost twice, or a tool had run: said, and the session goes on
            proxy.kill_after()  # it is over
            answers.append(await session.ask("What is one plus one?", timeout=30))
            unknown = await _unknown(session)
    said = Counter(turn.text for turn in session.conversation.turns if turn.role == "user" and turn.text)
    assert [said[question] for question in asked] == [1] * len(asked), "each question stands in the transcript once"
    assert {answer.status for answer in answers} == {"completed"}
    assert set(runs.values()) == {1}, "no call ran twice"
    assert all("lost" in str(error) for error in refused), refused
    assert not complaints, complaints[:3]
    assert unknown == [], "the last session knows every turn"
    assert len(answers) > len(asked) / 2


async def _unknown(session: RealtimeSession) -> list[rt.Turn]:
    """Return the turns whose items the session's server lacks."""
    missing = []
    for turn in session.conversation.turns:
        if turn.role == "system" or turn.status == "failed" or not turn.heard_text:
            continue
        try:
            await session.connection.request({"type": "conversation.item.retrieve", "item_id": turn.item_id})
        except errors.ServerError:
            missing.append(turn)
    return missing
