"""A variant as code and as a payload, and back again from what a run keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import realtime_nb as rt
from realtime_nb.client.variant import Variant
from realtime_nb.errors import ConfigError
from realtime_nb.lab.backend_name import backend_name
from realtime_nb.lab.results.results import Results
from realtime_nb.lab.results.variant_code import kept_variant, variant_code
from tests.unit.lab.results.sweeps import rows_of


def lookup(city: str) -> str:
    """Look a city up."""
    return city


SETTINGS: dict[str, st.SearchStrategy[Any]] = {
    "instructions": st.none() | st.text(max_size=40),
    "voice": st.sampled_from([None, "marin", {"id": "voice_1"}]),
    "speed": st.sampled_from([None, 0.5, 1.0, 1.5]),
    "turn_detection": st.sampled_from(
        [
            None,
            "server_vad",
            "semantic_vad",
            rt.ServerVad(silence_duration_ms=300, threshold=0.4),
            {"type": "server_vad"},
            rt.SemanticVad(eagerness="low"),
            rt.ServerVad(idle_timeout_ms=None),
        ]
    ),
    "transcription": st.sampled_from([True, False, "whisper-1", rt.Transcription(language="de")]),
    "noise_reduction": st.sampled_from([None, "near_field", "far_field"]),
    "tool_choice": st.sampled_from(["auto", "none", "required"]),
    "tools": st.sampled_from([(), [rt.McpTool(server_label="docs", server_url="https://docs.example/mcp")]]),
    "reasoning_effort": st.sampled_from([None, "low", "xhigh"]),
    "output": st.sampled_from(["audio", "text"]),
    "max_output_tokens": st.sampled_from(["inf", 400]),
}
VARIANTS = st.fixed_dictionaries({}, optional=SETTINGS)
FIELDS = st.sampled_from([None, {"tracing": "auto"}, {"audio": {"output": {"speed": 1.2}}}, {"truncation": "disabled"}])


@given(settings=VARIANTS, session=FIELDS)
def test_kept_variant_sends_the_same_session(settings: dict[str, Any], session: dict[str, Any] | None) -> None:
    variant = Variant("kept", settings, session=session)
    again, lost = kept_variant("kept", variant.payload)
    assert again.payload == variant.payload
    assert lost == ()


@given(settings=VARIANTS, session=FIELDS)
def test_code_makes_a_widget_with_the_same_session(settings: dict[str, Any], session: dict[str, Any] | None) -> None:
    variant = Variant("coded", settings, session=session)
    made: dict[str, Any] = {}
    source = variant_code(variant).replace("rt.RealtimeWidget(", "made.update(").replace(")\nw\n", ")\n")
    exec(source, {"made": made})
    fields = made.pop("session", None)
    assert Variant("again", made, session=fields).payload == variant.payload


def test_functions_are_named_and_are_not_made_up() -> None:
    variant = Variant("tooled", {"tools": [lookup], "tool_choice": "lookup", "instructions": "Two\nlines."})
    code = variant_code(variant)
    assert "tools=[lookup]" in code
    assert "# lookup: the functions that the lab ran as tools" in code
    again, lost = kept_variant("tooled", variant.payload)
    assert lost == ("lookup",)
    assert "tools=[lookup]" in variant_code(again, lost)
    results = Results(rows_of({"tooled": {}}), variants=[again], functions={"tooled": lost})
    with pytest.raises(ConfigError, match="lookup, which no file keeps"):
        results.variant("tooled")
    assert "tools=[lookup]" in results.code("tooled")


def test_code_holds_no_credentials() -> None:
    secret = "sk-" + "a1" * 20
    tool = rt.McpTool(server_label="docs", server_url="https://docs.example/mcp", authorization=secret)
    variant = Variant("v", {"tools": [tool]}, backend=rt.Backend(url="ws://127.0.0.1:9/v1/realtime", api_key=secret))
    code = variant_code(variant)
    assert secret not in code
    assert "backend=rt.Backend(url='ws://127.0.0.1:9/v1/realtime')" in code
    assert "server_label='docs'" in code
    local = variant_code(
        Variant("l", backend=rt.LocalModels(chat_url="http://127.0.0.1:9/v1", chat_model="m", chat_key=secret))
    )
    assert "rt.LocalModels(chat_url='http://127.0.0.1:9/v1', chat_model='m')" in local


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"stt": "commands", "tts": "espeak"},
        {"stt": "http://127.0.0.1:8/v1", "context_tokens": 4096},
    ],
)
def test_code_of_a_trial_on_local_models_names_them_without_their_keys(more: Mapping[str, Any]) -> None:
    stated = {"chat_url": "http://127.0.0.1:9/v1", "chat_model": "qwen at home:4b", **more}
    models = rt.LocalModels(**stated, chat_key="sk-" + "a1" * 20, options={"temperature": 0})
    code = variant_code(Variant("v", {"voice": "cedar"}), ran={"backend": backend_name(models)})
    words = ", ".join(f"{name}={value!r}" for name, value in stated.items())
    assert f"    backend=rt.LocalModels({words}),\n    voice='cedar',\n" in code
    assert "sk-" not in code


@pytest.mark.parametrize(
    "hostile",
    [
        "m at http://127.0.0.1:9/v1, stt=exit()",
        "m at http://127.0.0.1:9/v1, ) or exit(",
        "m at http://127.0.0.1:9/v1, stt='a')\nexit(",
        "LocalModels(x)\nexit()",
    ],
)
def test_backend_of_a_row_that_is_no_literal_is_left_out_of_the_code(hostile: str) -> None:
    code = variant_code(Variant("v"), ran={"backend": hostile})
    assert "exit" not in code
    compile(code, "code", "exec")


def test_winner_is_there_as_variant_code_and_payload() -> None:
    variants = [Variant(name, {"voice": name}) for name in ("marin", "cedar")]
    rows = rows_of(
        {"marin": {"voice": "marin"}, "cedar": {"voice": "cedar"}},
        utterances=20,
        shift_ms=lambda s: 200.0 * (s["voice"] == "marin"),
    )
    results = Results(rows, variants=variants)
    best = results.best()
    assert best.variant is variants[1]
    assert results.payload(best)["audio"]["output"]["voice"] == "cedar"
    assert "voice='cedar'" in results.code(best)
    assert results.code("marin") != results.code(best)
    with pytest.raises(ConfigError, match="'ash' is no variant of these results: 'marin', 'cedar'"):
        results.code("ash")
    assert results.best(setting="voice").value == "cedar"
    assert results.best(setting="voice").variant is variants[1]
