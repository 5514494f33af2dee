"""Properties of the reducer: any events are accepted, equal events give equal turns, repeated events change nothing."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from realtime_nb.conversation import (
    Conversation,
    Turn,
    TurnChanged,
    TurnOpened,
    TurnRemoved,
    TurnSettled,
    TurnText,
    reduce,
)

from .dsl import Event, Script, Stream, is_repeatable, play
from .strategies import CHAOS, SAYING, scripts

thorough = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def content(turn: Turn) -> tuple[Any, ...]:
    calls = [(c.call_id, c.name, c.arguments, c.status, c.output) for c in turn.tool_calls]
    return turn.item_id, turn.role, turn.text, turn.heard_text, turn.status, turn.note, turn.audio_ms, calls


def read(state: Conversation) -> tuple[Any, ...]:
    """Return every public field of the turns, and the usage."""
    seen = [(content(t), t.revision, t.latency, t.usage, t.started_at) for t in (*state.turns, *state.live)]
    return seen, state.usage, state.order


class Watcher:
    """Applies events to a conversation and checks its invariants after each."""

    def __init__(self) -> None:
        self.state = Conversation()
        self.revisions: dict[tuple[str, int], tuple[Any, ...]] = {}
        self.settled: dict[str, int] = {}

    def feed(self, event: Event, at: float) -> None:
        state = self.state
        before = state.turns
        changes = reduce(state, event, at)
        turns, live = state.turns, state.live
        if not any(isinstance(c, (TurnSettled, TurnRemoved)) for c in changes):
            assert turns == before
        ids = [t.item_id for t in turns]
        assert len(set(ids)) == len(ids)
        assert not {t.item_id for t in live} & set(ids)
        assert all(t.status != "in_progress" for t in turns)
        positions = [state.store.order.position(i) for i in ids]
        assert positions == sorted(positions)
        for turn in (*turns, *live):
            assert turn.text.startswith(turn.heard_text)
            key = (turn.item_id, turn.revision)
            assert self.revisions.setdefault(key, content(turn)) == content(turn)
            assert state.turn(turn.item_id) == turn
            assert state.after(turn.item_id) != turn.item_id
            if turn.audio is not None:
                assert turn.audio.duration_ms == turn.audio_ms
        for turn in turns:
            assert turn.revision >= self.settled.get(turn.item_id, 0)
            self.settled[turn.item_id] = turn.revision
        last: dict[str, Any] = {
            c.item_id: c
            for c in changes
            if isinstance(c, (TurnOpened, TurnText, TurnChanged, TurnSettled, TurnRemoved))
        }
        for item_id, change in last.items():
            assert (state.turn(item_id) is None) == isinstance(change, TurnRemoved)


@thorough
@given(CHAOS)
def test_any_events_in_any_order_keep_all_invariants(stream: Stream) -> None:
    watcher = Watcher()
    for event, at in stream:
        watcher.feed(event, at)


@thorough
@given(scripts(), st.randoms(use_true_random=False), CHAOS)
def test_shuffled_truncated_and_damaged_conversation_never_raises(
    script: Script, random: random.Random, chaos: Stream
) -> None:
    stream = [*script.events, *chaos]
    random.shuffle(stream)
    watcher = Watcher()
    for event, at in stream[: random.randint(0, len(stream))]:
        watcher.feed(event, at)


@thorough
@given(scripts(), st.data())
def test_every_prefix_of_a_conversation_is_valid(script: Script, data: st.DataObject) -> None:
    watcher = Watcher()
    for event, at in script.events[: data.draw(st.integers(0, len(script.events)))]:
        watcher.feed(event, at)


@thorough
@given(st.one_of(scripts().map(lambda s: s.events), CHAOS))
def test_reading_between_events_does_not_change_the_turns(stream: Stream) -> None:
    watched, quiet = Watcher(), Conversation()
    for event, at in stream:
        watched.feed(event, at)
        reduce(quiet, event, at)
    assert read(watched.state) == read(quiet)


@thorough
@given(scripts(), st.data())
def test_repeated_events_do_not_change_the_turns(script: Script, data: st.DataObject) -> None:
    stream: list[tuple[Event, float]] = []
    for n, pair in enumerate(script.events):
        stream.append(pair)
        # A server may repeat its events; a local event happens once, and two equal deltas are two deltas.
        told = [p for p in script.events[: n + 1] if is_repeatable(p[0])]
        stream += data.draw(st.lists(st.sampled_from(told), max_size=1)) if told else []
    assert read(play(stream)) == read(play(script.events))


@thorough
@given(scripts())
def test_replaying_the_whole_stream_changes_nothing(script: Script) -> None:
    server = [p for p in script.events if is_repeatable(p[0])]
    assert read(play([*script.events, *server])) == read(play(script.events))


@thorough
@given(scripts(kinds=SAYING), st.randoms(use_true_random=False))
def test_turns_do_not_depend_on_the_order_of_events(script: Script, random: random.Random) -> None:
    # Sound needs its deltas in order; words, roles, calls, statuses and the order of turns do not.
    def said(state: Conversation) -> list[Any]:
        turns = sorted((*state.turns, *state.live), key=lambda t: state.store.order.position(t.item_id))
        return [(t.role, t.text, t.heard_text, t.status, [(c.name, c.output) for c in t.tool_calls]) for t in turns]

    stream = script.events.copy()
    random.shuffle(stream)
    straight, shuffled = script.play(), play(stream)
    assert said(straight) == said(shuffled)
    assert straight.order == shuffled.order
    assert straight.usage.total_tokens == shuffled.usage.total_tokens
    assert straight.usage.responses == shuffled.usage.responses


@thorough
@given(scripts(), st.data())
def test_transcripts_may_arrive_at_any_time(script: Script, data: st.DataObject) -> None:
    kind = "conversation.item.input_audio_transcription"
    rest = [p for p in script.events if not getattr(p[0], "type", "").startswith(kind)]
    stream: list[tuple[Event, float]] = rest
    least = 1  # the session's configuration stays first
    for pair in (p for p in script.events if getattr(p[0], "type", "").startswith(kind)):
        least = data.draw(st.integers(least, len(stream)))  # among themselves they keep their order
        stream = [*stream[:least], pair, *stream[least:]]
        least += 1
    straight, moved = script.play(), play(stream)
    assert [content(t)[:6] for t in straight.turns] == [content(t)[:6] for t in moved.turns]
    assert replace(straight.usage, cost_usd=None) == replace(moved.usage, cost_usd=None)  # floats add up in any order
