"""Behaviours 1 to 11 of docs/protocol.md: the transport and the session.

The list in `test_protocol_behaviours.py` names the tests of each behaviour.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from realtime_nb import backends, errors
from realtime_nb.client.connection import RealtimeConnection, core_of
from realtime_nb.client.session import RealtimeSession
from realtime_nb.testing import Script, ScriptedServer, expect, never, run, send
from tests.integration.scripted import TYPED, begins, ends, first, says, session_with, updated

# 1: the client waits for `session.created` and trusts `session.updated`


async def test_b01_nothing_is_sent_before_session_created() -> None:
    shaken, go_on = asyncio.Event(), asyncio.Event()
    here = asyncio.get_running_loop()

    async def hold(script: Script) -> None:
        here.call_soon_threadsafe(shaken.set)
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(go_on.wait(), here))

    steps = [
        run(hold),
        send("session.created"),
        expect("session.update"),
        send(updated),
        expect("session.update"),
        send(updated),
        never(),
    ]
    async with ScriptedServer(steps) as server:
        conn = RealtimeConnection(backends.resolve(server.url).connector())
        opening = asyncio.ensure_future(conn)
        await asyncio.wait_for(shaken.wait(), 5)
        await conn.session.update(instructions="early")
        assert server.received == [], "it waits"
        go_on.set()
        await opening
        await conn.request({"type": "session.update", "session": {"type": "realtime", "instructions": "in time"}})
        await conn.close()
        assert [event["session"]["instructions"] for event in server.received] == ["early", "in time"]


async def test_b01_session_updated_is_the_effective_configuration() -> None:
    merged = {
        "type": "realtime",
        "model": "scripted",
        "instructions": "Be brief. (edited by policy)",
        "audio": {"input": {"turn_detection": None}, "output": {"voice": "cedar", "speed": 1.0}},
    }
    async with session_with(expect("session.update"), send("session.updated", session=merged)) as (session, _):
        effective = await session.update(instructions="Be brief.")
        assert effective["instructions"] == "Be brief. (edited by policy)"
        assert effective["audio"]["output"] == {"voice": "cedar", "speed": 1.0}, "defaults of the server"


# 2 and 3: the content of an update


async def test_b02_every_update_carries_its_type_and_an_unknown_key_never_leaves() -> None:
    steps = [expect("session.update"), send(updated), expect("session.update"), send(updated)]
    async with session_with(*steps) as (session, server):
        await session.update(instructions="a")
        with pytest.raises(errors.ConfigError, match=r"Did you mean 'instructions'\?"):
            await session.update(instructions="b", instruction="c")
        with pytest.raises(errors.ConfigError, match=r"turn_detection\.treshold"):
            await session.update(audio={"input": {"turn_detection": {"type": "server_vad", "treshold": 1}}})
        await session.connection.session.update(instructions="d")
        await server.heard("session.update", times=2)
        assert [(event["session"]["type"], event["session"]["instructions"]) for event in server.received] == [
            ("realtime", "a"),
            ("realtime", "d"),
        ]


@pytest.mark.sends_nonsense
async def test_b02_unknown_field_is_sent_on_request() -> None:
    async with (
        ScriptedServer([send("session.created"), expect("session.update"), never()]) as server,
        backends.connect(url=server.url) as conn,
    ):
        await conn.session.update(instructions="a", extra={"of_tomorrow": {"x": 1}})
        await server.heard("session.update")
        assert server.received[0]["session"] == {"type": "realtime", "instructions": "a", "of_tomorrow": {"x": 1}}


async def test_b03_left_out_null_and_empty_travel_as_three_different_things() -> None:
    steps = [expect("session.update"), send(updated)] * 3
    async with session_with(*steps) as (session, server):
        await session.update(instructions="", tools=[])
        await session.update(turn_detection=None, noise_reduction=None, transcription=False)
        await session.update(tracing=None, max_output_tokens="inf")
        assert [event["session"] for event in server.received] == [
            {"type": "realtime", "instructions": "", "tools": []},
            {
                "type": "realtime",
                "audio": {"input": {"turn_detection": None, "noise_reduction": None, "transcription": None}},
            },
            {"type": "realtime", "tracing": None, "max_output_tokens": "inf"},
        ]


# 4: unknown events are delivered


@pytest.mark.parametrize("spelling", ["output_text", "text"])
async def test_b04_unknown_events_reach_the_user_and_both_spellings_are_read(spelling: str) -> None:
    message = {"type": "message", "id": "item_a", "role": "assistant", "status": "completed"}
    spelled = {**message, "content": [{"type": spelling, "text": "Hello!"}]}
    part = {"type": "response.content_part.added", "content_index": 0, "part": {"type": spelling, "text": ""}}
    steps = [
        send("weather.changed", outlook={"tomorrow": "sun"}),
        send("conversation.item.added", item={"type": "dream", "id": "item_dream", "of": "electric sheep"}),
        *TYPED,
        begins("resp_1"),
        says("resp_1", "item_a", "Hel"),
        send({**part, "response_id": "resp_1", "item_id": "item_a", "output_index": 0}),
        send("response.output_item.done", response_id="resp_1", output_index=0, item=spelled),
        ends("resp_1"),
    ]
    async with session_with(*steps) as (session, _):
        strange: list[Any] = []
        core_of(session.connection).add_listener(lambda event: strange.append(event) if event.raw else None)
        assert (await session.ask("Hi", timeout=5)).text == "Hello!"
        known = {event.type: event.raw for event in strange}
        assert known["weather.changed"]["outlook"] == {"tomorrow": "sun"}
        assert known["conversation.item.added"]["item"]["of"] == "electric sheep"


# 5 and 6: the address and the frame


@pytest.mark.parametrize(
    ("query", "model"),
    [
        ("?call_id=rtc_1", "m"),
        ("?intent=transcription", "m"),
        ("?model=a", "b"),
        ("?model=a&call_id=rtc_1", None),
        ("?model=a&intent=transcription", None),
        ("?call_id=rtc_1&intent=transcription", None),
    ],
)
async def test_b05_model_call_and_intent_exclude_each_other(query: str, model: str | None) -> None:
    with pytest.raises(errors.ConfigError, match=r"exclude each other|give it once"):
        await backends.connect(url=f"ws://127.0.0.1:9/v1/realtime{query}", model=model)


async def test_b05_single_query_parameter_is_sent_unchanged() -> None:
    async with ScriptedServer([send("session.created"), never()]) as server:
        for query in ("?model=a", "?call_id=rtc_1", "?intent=transcription"):
            async with backends.connect(url=server.url + query):
                assert server.scripts[-1].path == f"/v1/realtime{query}"
        async with backends.connect(url=server.url, model="a b"):
            assert server.scripts[-1].path == "/v1/realtime?model=a+b"


async def test_b06_no_compression_is_offered_and_a_frame_of_minutes_passes() -> None:
    steps = [begins("resp_1", ours=False), says("resp_1", "item_1", "long", audio_samples=180 * 24_000), ends("resp_1")]
    async with session_with(*steps) as (session, server):
        await session.connection.wait_for("response.done", timeout=10)
        assert "sec-websocket-extensions" not in server.scripts[0].request_headers
        (turn,) = session.conversation.turns
        assert turn.audio_ms == 180_000


# 10: what changes when


async def test_b10_tracing_is_fixed_once_it_is_on() -> None:
    traced = {"type": "realtime", "tracing": "auto", "audio": {"input": {"turn_detection": None}}}
    steps = [first(send("session.created", session=traced)), expect("session.update"), send(updated)]
    async with session_with(*steps) as (session, server):
        for value in (None, {"workflow_name": "another"}):
            with pytest.raises(errors.ConfigError, match=r"tracing.*'auto' now.*new session"):
                await session.update(tracing=value)
        assert server.received == []
        await session.update(tracing="auto", instructions="unchanged tracing is left out")
        assert "tracing" not in server.received[0]["session"]


EXCLUSIVE: list[tuple[dict[str, Any], str]] = [
    ({"output_modalities": ["text", "audio"]}, r"\['text'\] and \['audio'\]"),
    ({"type": "transcription", "audio": {"output": {"voice": "marin"}}}, "transcription session has no audio output"),
    (
        {
            "type": "transcription",
            "audio": {
                "input": {
                    "transcription": {"model": "gpt-realtime-whisper"},
                    "turn_detection": {"type": "server_vad"},
                }
            },
        },
        "gpt-realtime-whisper.*turn_detection.*None",
    ),
    (
        {"audio": {"input": {"transcription": {"model": "gpt-realtime-whisper", "prompt": "names"}}}},
        "gpt-realtime-whisper.*prompt",
    ),
    (
        {"audio": {"input": {"transcription": {"model": "gpt-4o-transcribe-diarize", "prompt": "names"}}}},
        "gpt-4o-transcribe-diarize.*prompt",
    ),
    ({"audio": {"input": {"transcription": {"model": "whisper-1", "delay": "low"}}}}, "whisper-1.*delay"),
    ({"audio": {"input": {"transcription": {"model": "whisper-1", "keywords": ["x"]}}}}, "whisper-1.*keywords"),
    ({"audio": {"input": {"transcription": {"model": "whisper-1", "languages": ["en"]}}}}, "whisper-1.*languages"),
]


@pytest.mark.parametrize(("session", "words"), EXCLUSIVE)
async def test_b10_fields_that_exclude_each_other_are_refused_before_they_leave(
    session: dict[str, Any], words: str
) -> None:
    async with (
        ScriptedServer([send("session.created"), never()]) as server,
        backends.connect(url=server.url) as conn,
    ):
        with pytest.raises(errors.ConfigError, match=words):
            await conn.session.update(session)
        assert server.received == []


@pytest.mark.parametrize(
    "transcription",
    [
        {"model": "gpt-realtime-whisper", "delay": "low"},
        {"model": "gpt-4o-transcribe", "prompt": "names"},
        {"model": "gpt-transcribe", "keywords": ["x"], "languages": ["en", "de"]},
        {"model": "a-model-of-tomorrow", "prompt": "names", "delay": "low", "keywords": ["x"]},
        {"prompt": "the model is the server's choice"},
    ],
)
async def test_b10_allowed_combinations_are_sent(transcription: dict[str, Any]) -> None:
    async with (
        ScriptedServer([send("session.created"), expect("session.update"), never()]) as server,
        backends.connect(url=server.url) as conn,
    ):
        await conn.session.update(audio={"input": {"transcription": transcription}})
        await server.heard("session.update")


# 11: client secrets


async def test_b11_a_client_secret_opens_several_sessions() -> None:
    secret = await backends.create_client_secret({"instructions": "Be brief."}, ttl_s=60, backend="local")
    url = backends.resolve("local").url
    async with (
        backends.connect(url=url, api_key=secret.value) as one,
        backends.connect(url=url, api_key=secret.value) as other,
        RealtimeSession(one, {"output": "text"}) as session,
    ):
        first, second = core_of(one).created, core_of(other).created
        assert first is not None
        assert second is not None
        assert first.session != second.session
        assert (await session.ask("Hello", timeout=30)).text
