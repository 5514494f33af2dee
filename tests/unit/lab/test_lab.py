"""`Lab` checks its options where they enter, and shows no key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import realtime_nb as rt
from tests.unit.audio.spoken import words

_VARIANTS = rt.grid(voice=["marin", "cedar"])


def test_the_practice_backend_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("REALTIME_NB_CHAT_URL", raising=False)
    plan = rt.Lab(["Hello"], _VARIANTS).plan()
    assert plan.is_free
    assert plan.trials == 6


def test_the_price_of_a_hosted_sweep_needs_no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    lab = rt.Lab(["Hello"], _VARIANTS, backend="openai")
    with_key = rt.Lab(["Hello"], _VARIANTS, backend="openai", api_key="sk-0123456789abcdefghij")
    assert lab.plan().expected_usd == with_key.plan().expected_usd
    plan = lab.plan(budget_usd=1.0, cache=tmp_path)
    assert plan.bound_usd
    assert plan.cached == 0
    with pytest.raises(rt.ConfigError, match="OPENAI_API_KEY"):
        rt.run(lab.run(budget_usd=1.0, cache=tmp_path))
    assert not list(tmp_path.iterdir()), "refused before anything is written"


def test_sound_for_the_local_backend_is_sent_by_one_session_at_a_time() -> None:
    spoken = rt.Utterance(samples=words())
    lab = rt.Lab([spoken], _VARIANTS, backend="local")
    assert lab.plan().concurrency == 1
    assert "warning" in repr(lab.plan(concurrency=4))
    scenario = rt.Lab([rt.Scenario(["Hello", rt.BargeIn(spoken, 100)], "s")], _VARIANTS, backend="local")
    assert scenario.plan().concurrency == 1
    # Typed words wait for no recogniser, and another server has its own.
    for others in (rt.Lab(["Hello"], _VARIANTS, backend="local"), rt.Lab([spoken], _VARIANTS, backend="ws://h/v1")):
        assert others.plan().concurrency == 8
        assert "warning" not in repr(others.plan())


def test_a_language_model_on_this_computer_answers_one_session_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    here = rt.LocalModels(chat_url="http://127.0.0.1:9/v1", chat_model="m", stt="commands", tts="espeak")
    away = rt.LocalModels(chat_url="https://example.com/v1", chat_model="m", stt="commands", tts="espeak")
    spoken = rt.Utterance(samples=words())
    for said in ("Hello", spoken):
        lab = rt.Lab([said], _VARIANTS, backend=here)
        assert lab.plan().concurrency == 1
        assert "warning" in repr(lab.plan(concurrency=2))
    assert rt.Lab(["Hello"], _VARIANTS, backend=away).plan().concurrency == 8
    assert rt.Lab([spoken], _VARIANTS, backend=away).plan().concurrency == 1
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("REALTIME_NB_CHAT_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("REALTIME_NB_CHAT_MODEL", "m")
    assert rt.Lab(["Hello"], _VARIANTS).plan().concurrency == 1


def test_a_plan_speaks_of_sound_only_where_there_is_some() -> None:
    assert "turn detection" not in repr(rt.Lab(["Hello"], _VARIANTS, backend="local").plan())
    spoken = rt.Utterance(samples=words())
    assert "turn detection" in repr(rt.Lab([rt.Scenario(["Hello", spoken], "s")], _VARIANTS, backend="local").plan())


def test_a_variant_with_a_backend_of_its_own_has_its_price() -> None:
    key = "sk-SENTINEL-0123456789abcdefghij"
    lab = rt.Lab(["Hello"], rt.grid(backend=["local", "azure"], model="m"), backend="openai", api_key=key)
    with pytest.raises(rt.ConfigError, match="AZURE"):
        lab.plan()  # the experiment's key is not for a variant's own backend
    plan = rt.Lab(["Hello"], _VARIANTS, backend="openai", api_key=key).plan()
    assert plan.expected_usd
    assert "SENTINEL" not in repr(lab) + lab._repr_html_() + repr(vars(lab))


@pytest.mark.parametrize(
    "options",
    [
        {"backend": "opena1"},
        {"model": 3},
        {"pacing": "slow"},
        {"order": "best"},
        {"repeats": 0},
        {"retries": -1},
        {"warmup": True},
        {"seed": "x"},
        {"limit_s": 0},
        {"max_responses": 0},
        {"graders": ["contains"]},
        {"graders": 3},
        {"graders": "length"},
        {"graders": [rt.graders.contains("a"), rt.graders.contains("b")]},
    ],
)
def test_an_option_that_makes_no_sense_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(rt.ConfigError):
        rt.Lab(["Hello"], _VARIANTS, **options)


def test_two_functions_without_a_name_as_graders_are_refused_with_the_way_to_name_each() -> None:
    with pytest.raises(rt.ConfigError, match=r"'<lambda>' names two graders.* a function with `def`"):
        rt.Lab(["Hello"], _VARIANTS, graders=[lambda trial: 1, lambda trial: 2])


def test_an_experiment_without_variants_measures_the_defaults() -> None:
    lab = rt.Lab(["Hello"], backend="local")
    assert [variant.name for variant in lab.variants] == ["default"]
    assert lab.plan().trials == 3


def test_labels_are_shown_as_text() -> None:
    lab = rt.Lab([rt.Utterance(text="x", label="<b>x</b>")], {"<i>v</i>": {}})
    assert "<b>" not in lab._repr_html_()
    assert "&lt;i&gt;v" in lab._repr_html_()
