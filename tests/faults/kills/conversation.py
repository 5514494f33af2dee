"""One conversation under kills: typed, spoken and tool questions, alone and two at once, and what became of each.

Owns the questions and the checks of answers, turns, tool calls, the last session, and the log. Must not know when a
connection is killed.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import realtime_nb as rt
from realtime_nb.client.connection import RealtimeConnection
from realtime_nb.client.session import RealtimeSession
from realtime_nb.errors import ConnectError
from tests.faults.kills.server import DIALECTS, KillServer, number_of, sound_of
from tests.faults.kills.wires import Killer, SimulatedWire, real_socket
from tests.simulated.clock import simulate

_POLICY = rt.Reconnect(attempts=1000, first_delay_s=0.002, longest_delay_s=0.01)
_ASK_S = 120.0


@dataclass
class Outcome:
    """What a conversation came to.

    Attributes:
        kills, asked, answered: how many.
        gave_up: questions that raised `ConnectError` after their connection was lost several times.
        lost, doubled, mismatched, disordered, wrong, logged: one line each, and none in a good run.
    """

    kills: int = 0
    asked: int = 0
    answered: int = 0
    gave_up: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    mismatched: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)

    def faults(self) -> dict[str, list[str]]:
        """The lines of each sort of fault."""
        names = ("lost", "doubled", "mismatched", "disordered", "wrong", "logged")
        return {name: getattr(self, name) for name in names}

    def add(self, other: Outcome) -> None:
        """Count another conversation in."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


def simulated(seed: int, kills: int, dialect: str = "usual") -> Outcome:
    """Run one conversation in simulated time, with the same result for the same seed."""
    return simulate(_run(seed, kills, dialect, real=False))


def over_sockets(seed: int, kills: int, dialect: str = "usual") -> Outcome:
    """Run one conversation over real websockets."""
    return asyncio.run(_run(seed, kills, dialect, real=True))


class _Complaints(logging.Handler):
    """Keeps records of level ERROR and above: a listener that raises is logged so."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        cause = f" ({record.exc_info[1]!r})" if record.exc_info else ""
        self.said.append(f"{record.name}: {record.getMessage()}{cause}")


async def _run(seed: int, kills: int, dialect: str, *, real: bool) -> Outcome:
    chance = random.Random(seed)
    server = KillServer(DIALECTS[dialect], random.Random(seed + 1), pace_s=0.002 if real else 0.01)
    killer = Killer(random.Random(seed + 2))
    outcome, complaints, reported = Outcome(), _Complaints(), list[Exception]()
    loggers = [logging.getLogger(name) for name in ("realtime_nb", "asyncio")]
    for logger in loggers:
        logger.addHandler(complaints)
    try:
        async with AsyncExitStack() as stack:
            if real:
                url = await stack.enter_async_context(real_socket(server, killer))
                connection = await stack.enter_async_context(rt.connect(url=url, reconnect=_POLICY))
            else:
                wire = SimulatedWire(server, killer, random.Random(seed + 3))
                connection = await stack.enter_async_context(RealtimeConnection(wire, reconnect=_POLICY))
            talk = _Talk(connection, chance, outcome)
            async with talk.session as session:
                session.on_error = reported.append
                while killer.kills < kills and not outcome.lost and session.connection.closed is None:
                    killer.allow(chance.randrange(1, 4))
                    await talk.ask_some()
                    await asyncio.sleep(chance.random() * 0.05)
                killer.allow(0)
                await talk.ask_some()  # undisturbed: what is wrong by now shows in its answer
                await asyncio.sleep(0.1)
            outcome.kills = killer.kills
            talk.check(server)
    finally:
        for logger in loggers:
            logger.removeHandler(complaints)
    outcome.wrong += [f"seed {seed}: {line}" for line in server.wrong]
    outcome.logged += complaints.said + [f"seed {seed}, reported: {error}" for error in reported]
    return outcome


class _Talk:
    def __init__(self, connection: RealtimeConnection, chance: random.Random, outcome: Outcome) -> None:
        self._chance = chance
        self._outcome = outcome
        self._runs: Counter[int] = Counter()
        self._given_up: set[int] = set()

        async def look_up(number: int) -> str:
            """Look a number up in the register.

            Args:
                number: the number.
            """
            self._runs[number] += 1
            await asyncio.sleep(self._chance.random() * 0.02)
            return f"entry {number}"

        config = {"output": "text", "turn_detection": None, "transcription": True}
        self.session = RealtimeSession(connection, config, tools=[look_up])

    async def ask_some(self) -> None:
        """Ask one question, or two at once."""
        if self._chance.random() < 0.25:
            await asyncio.gather(self._ask(), self._ask())
        else:
            await self._ask()

    async def _ask(self) -> None:
        number = self._outcome.asked
        self._outcome.asked += 1
        kind = self._chance.choice(["typed", "typed", "spoken", "tool"])
        said: Any = {"typed": f"Question {number}.", "spoken": sound_of(number), "tool": f"Look up {number}."}[kind]
        try:
            turn = await self.session.ask(said, timeout=_ASK_S)
        except ConnectError as error:
            self._given_up.add(number)
            self._outcome.gave_up.append(f"{kind} {number}: {error}")
            return
        except Exception as error:
            self._outcome.lost.append(f"{kind} {number}: {type(error).__name__}: {error}")
            return
        self._outcome.answered += 1
        expected = f"Answer {number}: entry {number}." if kind == "tool" else f"Answer {number}."
        if (turn.text, turn.status) != (expected, "completed"):
            self._outcome.mismatched.append(f"{kind} {number}: {turn.text!r} ({turn.status})")

    def check(self, server: KillServer) -> None:
        """Compare the transcript, the tool calls and the last session with what was asked."""
        outcome, seen = self._outcome, self.session.conversation
        if seen.live:
            outcome.lost.append(f"turns in progress at the end: {[turn.text for turn in seen.live]}")
        questions: list[int] = []
        for turn in seen.turns:
            if turn.role == "user":
                said = [int(word.strip(".")) for word in turn.text.split() if word.strip(".").isdigit()]
                if said:
                    questions.append(said[0])
                elif turn.audio is not None:
                    questions.append(int(turn.audio.samples[0]) - 1)
        self._compare("the transcript", questions)
        answers = [turn.text for turn in seen.turns if turn.role == "assistant" and turn.status == "completed"]
        for text, count in Counter(answers).items():
            if count > 1 and text:
                outcome.doubled.append(f"{text!r} stands {count} times in the transcript")
        for number, runs in self._runs.items():
            if runs > 1:
                outcome.doubled.append(f"the tool ran {runs} times for {number}")
        items = server.sessions[-1].items
        asked = [number_of(item) for item in items if item.get("role") == "user"]
        self._compare("the last session", [number for number in asked if number is not None])

    def _compare(self, where: str, numbers: list[int]) -> None:
        outcome = self._outcome
        counts = Counter(numbers)
        outcome.doubled += [f"question {n} stands {count} times in {where}" for n, count in counts.items() if count > 1]
        missing = set(range(outcome.asked)) - set(numbers) - self._given_up
        outcome.lost += [f"question {number} is missing in {where}" for number in sorted(missing)]
        if numbers != sorted(numbers):
            at = next(i for i in range(1, len(numbers)) if numbers[i] < numbers[i - 1])
            outcome.disordered.append(f"{where} has {numbers[max(0, at - 3) : at + 3]}")
