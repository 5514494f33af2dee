"""`replay` against the practice backend and against scripted servers: every way to say a turn, and every end of it."""

from __future__ import annotations

import asyncio
import base64
import json
import pickle
from typing import Any

import numpy as np
import pytest

from realtime_nb import backends
from realtime_nb.audio.speech_span import find_speech
from realtime_nb.client.replay.options import ReplayOptions
from realtime_nb.client.replay.replay import replay
from realtime_nb.client.replay.scenario import BargeIn, Scenario
from realtime_nb.client.replay.trace import ReplayRecord
from realtime_nb.client.utterance import Utterance
from realtime_nb.client.variant import Variant
from realtime_nb.errors import ConfigError
from realtime_nb.lab.measure import measure
from realtime_nb.local import LocalServer
from realtime_nb.local.models import LocalModels
from realtime_nb.testing import ScriptedServer, Step, abort, close, expect, never, run, send
from tests.corpus.speakers import Speaker, missing, render
from tests.integration.scripted import answers, begins, created, ends, gate, item_added, refuses, says, updated

VAD = {"type": "server_vad", "silence_duration_ms": 400}
DETECTED = Variant("detected", {"turn_detection": VAD, "transcription": False})
WRITTEN = Variant("written", {"turn_detection": VAD, "transcription": False, "output": "text"})
TYPED = Variant("typed", {"output": "text"})


def tone(ms: int, before_ms: int = 0, after_ms: int = 0) -> np.ndarray[Any, Any]:
    """Sound that counts as speech by its level, between silences."""
    t = np.arange(ms * 24) / 24_000
    voiced = np.asarray(8_000 * np.sin(2 * np.pi * 180 * t) * (1 + np.sin(2 * np.pi * 5 * t)) / 2, np.int16)
    return np.concatenate((np.zeros(before_ms * 24, np.int16), voiced, np.zeros(after_ms * 24, np.int16)))


async def replayed(
    said: Utterance | Scenario, variant: Variant, url: str, model: str | None = None, **options: Any
) -> ReplayRecord:
    connector = backends.connector_of(variant, backend=url, model=model)
    return await replay(said, variant, connector, ReplayOptions(**options))


def types(record: ReplayRecord, turn: int = 0) -> list[str]:
    return [each.event.type for each in record.turns[turn].events]


def sound_heard(server: ScriptedServer) -> bytes:
    """Return all sound that a server received."""
    appended = [event["audio"] for event in server.received if event["type"] == "input_audio_buffer.append"]
    return b"".join(map(base64.b64decode, appended))


def opening(detection: Any = VAD) -> list[Step]:
    return [created(detection), expect("session.update"), send(updated)]


def detects(item_id: str, start_ms: int, end_ms: int, response_id: str, text: str) -> Step:
    """Take what was appended so far for a turn of the user, as turn detection does, and answer it."""

    async def step(script: Any) -> None:
        await send("input_audio_buffer.speech_started", audio_start_ms=start_ms, item_id=item_id)(script)
        await send("input_audio_buffer.speech_stopped", audio_end_ms=end_ms, item_id=item_id)(script)
        await send("input_audio_buffer.committed", item_id=item_id)(script)
        for one in (
            begins(response_id, ours=False),
            says(response_id, f"a_{item_id}", text, audio_samples=4_800),
            ends(response_id, text=text, item_id=f"a_{item_id}"),
        ):
            await one(script)

    return run(step)


def hears(ms: int) -> Step:
    """Wait until so much sound was appended."""

    async def step(script: Any) -> None:
        while 48 * ms > sum(len(base64.b64decode(event["audio"])) for event in script.received if "audio" in event):
            await script.receive()

    return run(step)


@pytest.fixture(scope="module")
def practice() -> Any:
    with LocalServer() as server:
        yield server.url


async def test_typed_turn_is_answered_by_the_practice_backend(practice: str) -> None:
    record = await replayed(Utterance(text="What is two plus two?"), TYPED, practice)
    assert record.error is None
    found = measure(record.turns[0])
    assert found.text == "2 plus 2 is 4."
    assert found.total_ms is not None
    assert record.model == "local-practice"
    assert record.billed


async def test_recording_ends_its_turn_by_the_servers_detection(practice: str) -> None:
    record = await replayed(Utterance(samples=tone(300, 100, 50)), WRITTEN, practice)
    assert record.error is None
    found = measure(record.turns[0])
    assert (found.cut_offs, found.false_starts, found.missed) == (0, 0, False)
    assert found.speech_end_to_stopped_ms is not None
    assert found.speech_end_to_stopped_ms > 300  # nearly the silence that ends a turn
    assert record.turns[0].pacing == "realtime"
    assert record.session["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 400


async def test_typed_turn_is_said_and_answered_on_a_scripted_server() -> None:
    steps = [*opening(None), expect("conversation.item.create"), send(item_added), expect("response.create")]
    async with ScriptedServer([*steps, *answers("r1", "a1", "Hello!"), never()]) as server:
        record = await replayed(Utterance(text="Hi"), TYPED, server.url)
    assert record.error is None
    assert measure(record.turns[0]).text == "Hello!"
    assert types(record)[-1] == "response.done"


async def test_recording_is_followed_by_silence_until_it_is_answered() -> None:
    said = tone(250, before_ms=50)
    script = [*opening(), hears(700), detects("u1", 40, 300, "r1", "Yes."), never()]
    async with ScriptedServer(script) as server:
        record = await replayed(Utterance(samples=said), DETECTED, server.url)
    assert record.error is None
    heard = sound_heard(server)
    assert heard[: 2 * said.size] == said.tobytes()
    assert not any(heard[2 * said.size :])
    found = measure(record.turns[0])
    assert (found.text, found.cut_offs) == ("Yes.", 0)
    # Speech ends at 300 ms, and the answer comes when 700 ms were heard: no earlier, whatever the machine does.
    assert found.speech_end_to_response_ms is not None
    assert found.speech_end_to_response_ms >= 390


# The ways to send a recording


@pytest.mark.parametrize("pacing", ["manual_commit", "fast"])
async def test_recording_is_committed_by_hand(practice: str, pacing: Any) -> None:
    record = await replayed(Utterance(samples=tone(300, 100, 50)), DETECTED, practice, pacing=pacing)
    assert record.error is None
    assert types(record).count("input_audio_buffer.committed") == 1
    assert "input_audio_buffer.speech_started" not in types(record)
    assert record.session["audio"]["input"]["turn_detection"] is None
    assert record.turns[0].pacing == pacing
    found = measure(record.turns[0])
    assert not found.missed
    assert found.speech_end_to_first_audible_ms is not None


async def test_sound_of_a_few_milliseconds_is_lengthened_for_its_commit(practice: str) -> None:
    record = await replayed(Utterance(samples=tone(40)), WRITTEN, practice, pacing="fast")
    assert record.error is None


async def test_same_bytes_are_sent_at_every_pace() -> None:
    said = tone(250, 30, 45)
    answered = [send("input_audio_buffer.committed", item_id="u1"), expect("response.create")]
    by_hand = [*opening(None), expect("input_audio_buffer.commit"), *answered, *answers("r1", "a1", "Yes."), never()]
    detected = [*opening(), hears(500), detects("u1", 40, 280, "r1", "Yes."), never()]
    for pacing, script in (("realtime", detected), ("manual_commit", by_hand), ("fast", by_hand)):
        async with ScriptedServer(script) as server:
            record = await replayed(Utterance(samples=said), DETECTED, server.url, pacing=pacing)
        assert record.error is None
        heard = sound_heard(server)
        assert heard[: 2 * said.size] == said.tobytes()
        assert not any(heard[2 * said.size :])
        if pacing != "realtime":
            assert len(heard) == 2 * said.size


async def test_utterance_is_encoded_once_for_all_its_replays() -> None:
    from realtime_nb.client.replay.frames import append_frames

    utterance = Utterance(samples=tone(250))
    frames = append_frames(utterance, ("audio/pcm", 24_000))
    assert [frame.samples for frame in frames] == [2_400, 2_400, 1_200]
    assert append_frames(utterance) is frames
    assert append_frames(utterance, ("audio/pcmu", None)) is not frames


async def test_server_with_telephone_sound_gets_and_sends_it_converted() -> None:
    form = {"type": "audio/pcmu"}
    echo = {"input": {"format": form, "turn_detection": VAD}, "output": {"format": form}}
    steps = [
        created(VAD),
        expect("session.update"),
        send("session.updated", session={"type": "realtime", "audio": echo}),
        hears(100),  # of 8 kHz, a byte a sample: 600 ms
        detects("u1", 20, 250, "r1", "Yes."),
        never(),
    ]
    said = tone(250)
    async with ScriptedServer(steps) as server:
        record = await replayed(Utterance(samples=said), DETECTED, server.url)
    assert record.error is None
    assert said.size // 3 <= len(sound_heard(server)) < said.size * 2
    pieces = [each.event for each in record.turns[0].events if each.event.type == "response.output_audio.delta"]
    # 9,600 bytes of 8 kHz are 1.2 s: but for what the resampler holds back, 28,800 samples at 24 kHz.
    assert 28_000 < sum(len(piece.audio) // 2 for piece in pieces) <= 28_800


async def test_images_are_sent_with_typed_words() -> None:
    picture = "data:image/png;base64,iVBORw0KGgo="
    steps = [*opening(None), expect("conversation.item.create"), send(item_added), expect("response.create")]
    async with ScriptedServer([*steps, *answers("r1", "a1", "A dot."), never()]) as server:
        record = await replayed(Utterance(text="What is this?", images=[picture]), TYPED, server.url)
    assert record.error is None
    content = next(event for event in server.received if event["type"] == "conversation.item.create")["item"]["content"]
    assert [part["type"] for part in content] == ["input_text", "input_image"]


# Tools


def weather(city: str) -> str:
    """Return the weather.

    Args:
        city: where.
    """
    return f"sunny in {city}"


async def test_tools_are_answered_and_the_turn_ends_with_the_words_after_them() -> None:
    variant = Variant("tools", {"output": "text", "tools": [weather]})
    done = {"type": "function_call", "id": "i1", "call_id": "c1", "name": "weather", "arguments": '{"city": "Rome"}'}
    steps = [
        *opening(None),
        expect("conversation.item.create"),
        send(item_added),
        expect("response.create"),
        begins("r1"),
        send(
            "response.done", response={"id": "r1", "status": "completed", "output": [{**done, "status": "completed"}]}
        ),
        expect("conversation.item.create", item=lambda item: item["output"] == "sunny in Rome"),
        send(item_added),
        expect("response.create"),
        *answers("r2", "a2", "It is sunny."),
        never(),
    ]
    async with ScriptedServer(steps) as server:
        record = await replayed(Utterance(text="Weather?"), variant, server.url)
    assert record.error is None
    found = measure(record.turns[0])
    assert found.text == "It is sunny."
    assert [(call.name, call.arguments) for call in found.tool_calls] == [("weather", {"city": "Rome"})]
    assert types(record).count("response.done") == 2


async def test_detection_that_answers_again_and_again_ends_at_max_responses() -> None:
    pieces = [
        step for n in range(4) for step in (hears(100 + 50 * n), detects(f"u{n}", 20 + n, 120 + n, f"r{n}", "Hm."))
    ]
    async with ScriptedServer([*opening(), *pieces, never()]) as server:
        record = await replayed(Utterance(samples=tone(700)), DETECTED, server.url, max_responses=2)
    assert record.error is not None
    assert "max_responses" in record.error
    assert record.turns[0].error == record.error


def _calls_for_ever() -> list[Step]:
    async def step(script: Any) -> None:
        for number in range(100):
            await expect("response.create", ignoring=("conversation.item.create",))(script)
            call = {"type": "function_call", "id": f"i{number}", "call_id": f"c{number}", "name": "weather"}
            call |= {"arguments": '{"city": "Rome"}', "status": "completed"}
            await begins(f"r{number}")(script)
            await send("response.done", response={"id": f"r{number}", "status": "completed", "output": [call]})(script)

    return [*opening(None), run(step)]


async def test_tool_that_is_called_again_and_again_ends_at_max_responses() -> None:
    variant = Variant("tools", {"output": "text", "tools": [weather]})
    async with ScriptedServer(_calls_for_ever()) as server:
        record = await replayed(Utterance(text="Weather?"), variant, server.url, max_responses=3)
    assert record.error is not None
    assert "max_responses" in record.error
    assert server.received_types().count("response.create") == 3
    assert types(record).count("response.done") == 3
    assert not record.retryable


async def test_call_that_is_left_to_the_user_ends_the_turn() -> None:
    declared = {"type": "function", "name": "weather", "description": "", "parameters": {"type": "object"}}
    variant = Variant("declared", {"output": "text", "tools": [declared]})
    call = {"type": "function_call", "id": "i1", "call_id": "c1", "name": "weather", "arguments": "{}"}
    steps = [*opening(None), expect("conversation.item.create"), send(item_added), expect("response.create")]
    done = send(
        "response.done", response={"id": "r1", "status": "completed", "output": [{**call, "status": "completed"}]}
    )
    async with ScriptedServer([*steps, begins("r1"), done, never()]) as server:
        record = await replayed(Utterance(text="Weather?"), variant, server.url)
    assert record.error is None
    assert [call.name for call in measure(record.turns[0]).tool_calls] == ["weather"]


# Turn detection on one recording


class Tapped:
    """A connector that keeps the sound which its transports send."""

    def __init__(self, inner: Any) -> None:
        self.heard = b""
        self.describe = inner.describe
        self._inner = inner

    async def connect(self) -> Any:
        transport = await self._inner.connect()
        send = transport.send

        async def tapped(frame: bytes | str) -> None:
            event = json.loads(frame)
            self.heard += base64.b64decode(event.get("audio", ""))
            await send(frame)

        transport.send = tapped
        return transport


async def test_shorter_silence_cuts_off_more_and_longer_silence_waits_longer(practice: str) -> None:
    """One recording with pauses of 150, 300 and 600 ms, by three settings of the server's detection."""
    if (problem := missing()) is not None:
        pytest.skip(problem)
    parts = []
    for word, pause_ms in (("One", 150), ("nine", 300), ("seven", 600), ("ten", 0)):
        sound = render(word, Speaker("en-us"))
        span = find_speech(sound)
        parts += [sound[span.start : span.end], np.zeros(24 * pause_ms, np.int16)]
    said = np.concatenate(parts)
    utterance = Utterance(samples=said)
    cut_offs, waited_ms, heard = [], [], set()

    async def one(silence_ms: int) -> tuple[Tapped, ReplayRecord]:
        detection = {"type": "server_vad", "silence_duration_ms": silence_ms}
        variant = Variant(f"{silence_ms} ms", {"turn_detection": detection, "transcription": False, "output": "text"})
        connector = Tapped(backends.connector_of(variant, backend=practice))
        return connector, await replay(utterance, variant, connector)

    for connector, record in await asyncio.gather(*(one(ms) for ms in (200, 400, 800))):
        assert record.error is None
        trace = record.turns[0]
        found = measure(trace)
        assert (found.missed, found.false_starts) == (False, 0)
        cut_offs.append(found.cut_offs)
        assert trace.speech is not None
        ends = [each.event.audio_end_ms for each in trace.events if each.event.type.endswith("speech_stopped")]
        waited_ms.append(ends[-1] - trace.speech.end_ms)  # in the sound's own time: no clock
        heard.add(connector.heard[: 2 * said.size])
        assert not any(connector.heard[2 * said.size :])
    assert cut_offs == [2, 1, 0]
    # The detector goes on for a while after the end of speech, and decides for 32 ms at a time.
    assert waited_ms[1] - waited_ms[0] == pytest.approx(200, abs=33)
    assert waited_ms[2] - waited_ms[1] == pytest.approx(400, abs=33)
    assert heard == {said.tobytes()}


# Scenarios


async def test_turns_of_a_scenario_follow_each_other_in_one_session(practice: str) -> None:
    scenario = Scenario(["My name is Ada.", Utterance(samples=tone(300)), "What is two plus two?"], "three turns")
    variant = Variant("text", {"output": "text", "turn_detection": VAD, "transcription": False})
    record = await replayed(scenario, variant, practice)
    assert record.error is None
    assert len(record.turns) == 3
    assert measure(record.turns[2]).text == "2 plus 2 is 4."
    assert [trace.speech is None for trace in record.turns] == [True, False, True]
    assert all(types(record, turn).count("response.done") == 1 for turn in range(3))
    assert record.turns[0].speech_end_at_ms < record.turns[1].speech_end_at_ms < record.turns[2].speech_end_at_ms


async def test_barge_in_cuts_the_answer_where_it_was_heard(practice: str) -> None:
    scenario = Scenario(["Count to twenty.", BargeIn(Utterance(samples=tone(400)), after_ms=400)], "interrupted")
    variant = Variant("spoken", {"turn_detection": VAD, "transcription": False})
    record = await replayed(scenario, variant, practice)
    assert record.error is None
    first, second = (measure(trace) for trace in record.turns)
    assert "conversation.item.truncated" in types(record, 0)
    cut_ms = next(e.event.audio_end_ms for e in record.turns[0].events if e.event.type == "conversation.item.truncated")
    assert second.speech_end_to_stopped_ms is not None
    assert not second.missed
    begun_ms = record.turns[1].speech_end_at_ms - 400
    audible_ms = record.turns[0].speech_end_at_ms + (first.speech_end_to_first_audible_ms or 0)
    # The turn begins 400 ms into the answer, by the same clock, and the server notices it after that.
    assert begun_ms - audible_ms == pytest.approx(400, abs=0.1)
    assert cut_ms > 400
    assert "input_audio_buffer.speech_started" in types(record, 1)
    assert "input_audio_buffer.speech_started" not in types(record, 0)


async def test_variant_without_turn_detection_is_committed_and_interrupted_by_hand(practice: str) -> None:
    scenario = Scenario(["Count to twenty.", BargeIn(Utterance(samples=tone(300)), after_ms=300)], "by hand")
    record = await replayed(scenario, Variant("push to talk", {"turn_detection": None}), practice)
    assert record.error is None
    assert "conversation.item.truncated" in types(record, 0)
    assert types(record, 1).count("response.done") == 1
    assert record.turns[1].pacing == "manual_commit"


async def test_answer_without_sound_is_followed_by_the_barge_in_at_once() -> None:
    steps = [*opening(), expect("conversation.item.create"), send(item_added), expect("response.create")]
    steps += [*answers("r1", "a1", "Hello."), hears(500), detects("u2", 20, 250, "r2", "Yes."), never()]
    scenario = Scenario(["Hi", BargeIn(Utterance(samples=tone(250)), after_ms=60_000)], "nothing to interrupt")
    async with ScriptedServer(steps) as server:
        record = await replayed(scenario, DETECTED, server.url)
    assert record.error is None
    assert [measure(trace).text for trace in record.turns] == ["Hello.", "Yes."]


async def test_times_of_a_later_turn_count_from_its_own_recording() -> None:
    both = [hears(500), detects("u1", 20, 250, "r1", "One."), hears(1_200), detects("u2", 620, 950, "r2", "Two.")]
    scenario = Scenario([Utterance(samples=tone(250)), Utterance(samples=tone(250, 100))], "two recordings")
    async with ScriptedServer([*opening(), *both, never()]) as server:
        record = await replayed(scenario, DETECTED, server.url)
    assert record.error is None
    offset_ms = record.turns[1].buffer_offset_ms
    assert record.turns[0].buffer_offset_ms == 0
    assert offset_ms >= 500
    heard = np.frombuffer(sound_heard(server), "<i2")
    begins = round(offset_ms * 24) + 2_400
    assert np.array_equal(heard[begins : begins + 6_000], tone(250))
    # At one pace from the first sample on: the place in the stream of sound is the place in time.
    apart_ms = record.turns[1].speech_end_at_ms - record.turns[0].speech_end_at_ms
    assert apart_ms == pytest.approx(offset_ms + 100, abs=1)


async def test_answer_that_lasts_longer_than_a_turn_may_is_not_heard_to_its_end() -> None:
    typed = [expect("conversation.item.create"), send(item_added), expect("response.create")]
    spoken = [begins("r"), says("r", "a1", "A long story.", audio_samples=24_000 * 60), ends("r")]
    again = [begins("r"), says("r", "a2", "Bye.", audio_samples=240), ends("r")]  # some servers repeat their ids
    scenario = Scenario(["Tell me a story.", "Thanks."], "story")
    async with ScriptedServer([*opening(None), *typed, *spoken, *typed, *again, never()]) as server:
        record = await replayed(scenario, Variant("a"), server.url, limit_s=1.5)
    assert record.error is None
    assert [types(record, turn).count("response.done") for turn in (0, 1)] == [1, 1]
    assert record.turns[1].speech_end_at_ms - record.turns[0].speech_end_at_ms >= 1_500


async def test_nothing_is_sent_between_turns_that_are_committed_by_hand() -> None:
    first, second = tone(120), tone(150, 30)
    steps = [*opening(None)]
    for number in (1, 2):
        answered = [send("input_audio_buffer.committed", item_id=f"u{number}"), expect("response.create")]
        steps += [expect("input_audio_buffer.commit"), *answered, begins(f"r{number}")]
        steps += [says(f"r{number}", f"a{number}", "Yes.", audio_samples=9_600), ends(f"r{number}")]
    scenario = Scenario([Utterance(samples=first), Utterance(samples=second)], "by hand")
    async with ScriptedServer([*steps, never()]) as server:
        record = await replayed(scenario, DETECTED, server.url, pacing="manual_commit")
    assert record.error is None
    assert sound_heard(server) == first.tobytes() + second.tobytes()
    # A person listens to the answer before the next turn: 400 ms, and the recording itself.
    apart_ms = record.turns[1].speech_end_at_ms - record.turns[0].speech_end_at_ms
    assert apart_ms >= 400 + 180


async def test_close_right_behind_the_answer_is_no_error() -> None:
    steps = [*opening(None), expect("conversation.item.create"), send(item_added), expect("response.create")]
    for end in (close(1000), close(1011, "done with you"), abort()):
        async with ScriptedServer([*steps, *answers("r1", "a1", "Bye."), end]) as server:
            record = await replayed(Utterance(text="Bye"), TYPED, server.url)
        assert record.error is None
        assert measure(record.turns[0]).text == "Bye."


async def test_record_can_be_pickled_for_another_process(practice: str) -> None:
    record = await replayed(Utterance(text="What is two plus two?"), TYPED, practice)
    copy = pickle.loads(pickle.dumps(record))
    assert measure(copy.turns[0]) == measure(record.turns[0])
    assert copy == record


# Sessions that make no sense


async def test_session_that_could_only_run_into_its_limit_is_refused_before_it_is_opened() -> None:
    silent = Variant("silent", {"turn_detection": {**VAD, "create_response": False}})
    said = Utterance(samples=tone(300))
    with pytest.raises(ConfigError, match="create_response=False"):
        await replayed(said, silent, "ws://127.0.0.1:9/v1/realtime")
    with pytest.raises(ConfigError, match=r"takes 0\.3 s to say"):
        await replayed(said, DETECTED, "ws://127.0.0.1:9/", limit_s=0.2)
    with pytest.raises(ConfigError, match="BargeIn"):
        await replayed(Scenario(["Hi", BargeIn(said, 100)], "s"), DETECTED, "ws://127.0.0.1:9/", pacing="fast")


async def test_backend_without_a_key_is_refused_before_it_is_opened() -> None:
    with pytest.raises(ConfigError, match="needs a key"):
        await replayed(Utterance(text="Hi"), Variant("hosted", backend="openai"), "local")


# Servers that fail


async def test_limit_ends_a_turn_that_the_server_never_answers() -> None:
    async with ScriptedServer([*opening(), never()]) as server:
        record = await replayed(Utterance(samples=tone(250)), DETECTED, server.url, limit_s=0.5)
    assert record.error is not None
    assert "limit_s" in record.error
    assert record.turns[0].error == record.error
    assert not record.retryable
    assert record.billed  # it may have answered, and only the answer was lost
    assert measure(record.turns[0]).missed


async def test_limit_ends_an_answer_that_drips_for_ever() -> None:
    async def drip(script: Any) -> None:
        await begins("r1", ours=False)(script)
        while True:
            await says("r1", "a1", "and ", audio_samples=240)(script)
            await asyncio.sleep(0.02)

    async with ScriptedServer([*opening(), hears(100), run(drip)]) as server:
        record = await replayed(Utterance(samples=tone(250)), DETECTED, server.url, limit_s=0.5)
    assert record.error is not None
    assert "limit_s" in record.error
    assert "response.output_audio.delta" in types(record)


async def test_server_that_reads_nothing_is_left_without_a_goodbye() -> None:
    long = Utterance(samples=np.resize(tone(500), 24_000 * 120))  # 8 MB on the wire: no buffer between takes that
    deaf, release = gate()
    async with ScriptedServer([*opening(), deaf]) as server:
        record = await replayed(long, DETECTED, server.url, pacing="fast", limit_s=0.3)
        release()
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
    assert record.error is not None
    assert "limit_s" in record.error


@pytest.mark.parametrize(
    ("end", "words"),
    [(close(1011, "out of memory"), "out of memory"), (abort(), "lost"), (close(1000), "closed")],
)
async def test_close_in_the_middle_of_an_answer_keeps_what_came(end: Step, words: str) -> None:
    begun = [hears(100), begins("r1", ours=False), says("r1", "a1", "It is", audio_samples=2_400)]
    async with ScriptedServer([*opening(), *begun, end]) as server:
        record = await replayed(Utterance(samples=tone(800)), DETECTED, server.url)
    assert record.error is not None
    assert words in record.error
    assert record.turns[0].error == record.error
    assert record.billed
    assert "response.output_audio.delta" in types(record)


async def test_server_that_goes_silent_while_it_opens_ends_in_time() -> None:
    for steps in ([never()], [created(), never()]):
        async with ScriptedServer(steps) as server:
            record = await replayed(Utterance(text="Hi"), TYPED, server.url, open_timeout_s=0.2)
        assert record.error is not None
        assert record.turns == ()
        assert record.retryable
        assert not record.billed


async def test_port_that_answers_no_handshake_ends_in_time() -> None:
    server = await asyncio.start_server(lambda reader, writer: asyncio.sleep(60), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    record = await replayed(Utterance(text="Hi"), TYPED, f"ws://127.0.0.1:{port}/v1/realtime", open_timeout_s=0.2)
    assert record.error is not None
    assert record.retryable
    server.close()


@pytest.mark.parametrize(
    ("status", "headers", "body", "retryable", "wait_s"),
    [
        (429, {"Retry-After": "7"}, "", True, 7.0),
        (429, {}, '{"error": {"message": "Rate limit reached. Please try again in 1m2.5s."}}', True, 62.5),
        (503, {"Retry-After": "2"}, "", True, 2.0),
        (401, {"Retry-After": "2"}, "", False, None),
        (404, {}, "", False, None),
    ],
)
async def test_refused_handshake_says_whether_and_when_to_try_again(
    status: int, headers: dict[str, str], body: str, retryable: bool, wait_s: float | None
) -> None:
    async with ScriptedServer(refuse=status, refuse_headers=headers, refuse_body=body) as server:
        record = await replayed(Utterance(text="Hi"), TYPED, server.url)
    assert record.error is not None
    assert str(status) in record.error
    assert (record.retryable, record.retry_after_s, record.billed) == (retryable, wait_s, False)


async def test_port_where_nothing_listens_is_a_record(unused_tcp_port: int) -> None:
    record = await replayed(Utterance(text="Hi"), TYPED, f"ws://127.0.0.1:{unused_tcp_port}/v1/realtime")
    assert record.error is not None
    assert "nothing listens" in record.error
    assert record.retryable


async def test_refused_configuration_is_not_tried_again() -> None:
    async with ScriptedServer(
        [created(), expect("session.update"), refuses("invalid_value", "no such voice")]
    ) as server:
        record = await replayed(Utterance(text="Hi"), TYPED, server.url)
    assert record.error is not None
    assert "no such voice" in record.error
    assert (record.retryable, record.billed) == (False, False)


_TOO_FAST = "Rate limit reached for m. Please try again in 250ms."


async def test_rate_limit_says_when_to_try_again_wherever_it_is_said() -> None:
    typed = [*opening(None), expect("conversation.item.create"), send(item_added), expect("response.create")]
    failed = {"type": "failed", "error": {"type": "tokens", "code": "rate_limit_exceeded", "message": _TOO_FAST}}
    error = {
        "type": "error",
        "error": {"type": "rate_limit_error", "code": "rate_limit_exceeded", "message": _TOO_FAST},
    }
    scripts = {
        "before the session": [send(error)],
        "of the configuration": [created(), expect("session.update"), refuses("rate_limit_exceeded", _TOO_FAST)],
        "of the request": [*typed, refuses("rate_limit_exceeded", _TOO_FAST)],
        "of the response": [*typed, begins("r1"), ends("r1", status="failed", status_details=failed)],
        "of no event": [*typed, send(error)],
    }
    for name, steps in scripts.items():
        async with ScriptedServer([*steps, never()]) as server:
            record = await replayed(Utterance(text="Hi"), TYPED, server.url)
        assert record.error is not None, name
        assert "Rate limit reached" in record.error, name
        assert (record.retryable, record.retry_after_s) == (True, 0.25), name
        if name != "of no event":
            assert not record.billed, name


async def test_wait_is_that_of_the_limit_which_is_used_up_where_the_refusal_names_none() -> None:
    typed = [*opening(None), expect("conversation.item.create"), send(item_added), expect("response.create")]
    limits = [
        {"name": "requests", "limit": 10, "remaining": 5, "reset_seconds": 60.0},
        {"name": "tokens", "limit": 10, "remaining": 0, "reset_seconds": 3.5},
    ]
    failed = {"type": "failed", "error": {"code": "rate_limit_exceeded", "message": "Too fast."}}
    steps = [*typed, begins("r1"), send("rate_limits.updated", rate_limits=limits)]
    async with ScriptedServer([*steps, ends("r1", status="failed", status_details=failed)]) as server:
        record = await replayed(Utterance(text="Hi"), TYPED, server.url)
    assert (record.retryable, record.retry_after_s) == (True, 3.5)


async def test_failed_response_is_the_error_of_its_turn() -> None:
    typed = [*opening(None), expect("conversation.item.create"), send(item_added), expect("response.create")]
    failed = {
        "type": "failed",
        "error": {"type": "server_error", "code": "server_error", "message": "The model broke."},
    }
    async with ScriptedServer([*typed, begins("r1"), ends("r1", status="failed", status_details=failed)]) as server:
        record = await replayed(Utterance(text="Hi"), TYPED, server.url)
    assert record.error == record.turns[0].error == "the response failed: server_error: The model broke."
    assert not record.retryable


async def test_cancelled_replay_leaves_no_task_and_no_connection() -> None:
    async with ScriptedServer([*opening(), never()]) as server:
        task = asyncio.create_task(replayed(Utterance(samples=tone(5_000)), DETECTED, server.url))
        await server.heard("input_audio_buffer.append", times=3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert asyncio.all_tasks() == {asyncio.current_task()}


# The pace


async def test_slow_server_is_measured_from_when_speech_was_due() -> None:
    """A server that works on each append gets the frames late: the zero stays, so the delay is the server's."""

    async def slow(script: Any) -> None:
        heard_ms = 0.0
        while heard_ms < 700:
            event = await script.receive()
            heard_ms += len(base64.b64decode(event["audio"])) / 48
            await asyncio.sleep(0.02)

    async with ScriptedServer([*opening(), run(slow), detects("u1", 20, 500, "r1", "Yes."), never()]) as server:
        record = await replayed(Utterance(samples=tone(500)), DETECTED, server.url)
    assert record.error is None
    trace = record.turns[0]
    # The end of speech is 500 ms after the first sample, whatever the server does.
    first = next(each.at_ms for each in trace.events if each.event.type == "input_audio_buffer.speech_started")
    assert first - trace.speech_end_at_ms >= 190


# Which backend


async def test_key_of_the_experiment_goes_to_its_own_backend_only() -> None:
    async with ScriptedServer([created(), never()]) as first, ScriptedServer([created(), never()]) as second:
        for variant in (Variant("a"), Variant("b", backend=second.url, model="other")):
            connector = backends.connector_of(variant, backend=first.url, model="m", api_key="sk-test-0123456789")
            await (await connector.connect()).close()
    (ours,), (theirs,) = first.scripts, second.scripts
    assert ours.request_headers["authorization"] == "Bearer sk-test-0123456789"
    assert ours.path.endswith("?model=m")
    assert "authorization" not in theirs.request_headers
    assert theirs.path.endswith("?model=other")


async def test_local_models_of_a_variant_keep_their_chat_model() -> None:
    models = LocalModels(chat_url="http://127.0.0.1:9/v1", chat_model="small")
    try:
        connector = backends.connector_of(Variant("local", backend=models), backend="openai", model="gpt-realtime-2.1")
        transport = await connector.connect()
        assert json.loads(await transport.recv())["session"]["model"] == "small"
        await transport.close()
    finally:
        backends.stop_local()
    with pytest.raises(ConfigError, match="chat_key"):
        backends.connector_of(Variant("a"), backend=models, api_key="sk-test-0123456789")
