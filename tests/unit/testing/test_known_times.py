"""The latencies that a simulated backend draws: their truth, their repeatability, their shares."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
import pytest

from realtime_nb.errors import ConfigError
from realtime_nb.testing import Asked, Reply, SimulatedBackend
from realtime_nb.testing.faults import FaultPlan
from realtime_nb.testing.known_times import KnownTimes, Settings
from realtime_nb.testing.simulated_model import SimulatedModel, loud_part, speech_key

A, B = Settings("A", "marin", "simulated"), Settings("B", "marin", "simulated")


def test_latency_is_the_base_with_the_shift_of_each_setting() -> None:
    times = KnownTimes(base_ms=100, shifts_ms={"B": 50, "cedar": 7, "quick": -20})
    assert times.typical_ms(A, "u") == 100
    assert times.typical_ms(B, "u") == 150
    assert times.typical_ms(Settings("B", "cedar", "quick"), "u") == 137
    assert KnownTimes(base_ms=10, shifts_ms={"B": -50}).typical_ms(B, "u") == 0


def test_utterances_differ_alike_under_all_settings_and_effects_differ_by_utterance() -> None:
    utterances = [f"u{number}" for number in range(400)]
    times = KnownTimes(shifts_ms={"B": 50}, utterance_sd_ms=150)
    shifts = [times.typical_ms(B, u) - times.typical_ms(A, u) for u in utterances if times.typical_ms(A, u)]
    assert shifts == pytest.approx([50.0] * len(shifts))
    mixed = KnownTimes(base_ms=5000, shifts_ms={"B": 50}, utterance_sd_ms=150, effect_sd_ms=40)
    shifts = [mixed.typical_ms(B, u) - mixed.typical_ms(A, u) for u in utterances]
    assert statistics.mean(shifts) == pytest.approx(50, abs=8)
    assert statistics.stdev(shifts) == pytest.approx(40, abs=6)


@pytest.mark.parametrize("noise", ["gaussian", "lognormal"])
def test_noise_of_trials_has_its_spread_and_leaves_the_median(noise: Any) -> None:
    times = KnownTimes(base_ms=2000, trial_sd_ms=120, noise=noise)
    trials = [times.trial_ms(A, "u", str(number))[0] for number in range(3000)]
    assert statistics.median(trials) == pytest.approx(2000, abs=10)
    assert statistics.stdev(trials) == pytest.approx(120, rel=0.15)


def test_stalls_come_at_their_share_and_length() -> None:
    times = KnownTimes(base_ms=100, stalls=0.03, stall_ms=(500, 2000))
    trials = [times.trial_ms(A, "u", str(number)) for number in range(5000)]
    assert np.mean([stalled for _, stalled in trials]) == pytest.approx(0.03, abs=0.01)
    assert all(600 <= ms <= 2100 if stalled else ms == 100 for ms, stalled in trials)


def test_same_seed_gives_the_same_trial_in_any_order_and_another_seed_another() -> None:
    one, again = (KnownTimes(trial_sd_ms=100, seed=1) for _ in range(2))
    names = [str(number) for number in range(20)]
    drawn = {name: one.trial_ms(A, "u", name) for name in names}
    assert {name: again.trial_ms(A, "u", name) for name in reversed(names)} == drawn
    other = KnownTimes(trial_sd_ms=100, seed=2)
    assert [other.trial_ms(A, "u", name) for name in names] != list(drawn.values())


def test_recording_is_recognised_whatever_silence_and_noise_surround_it() -> None:
    rng = np.random.default_rng(0)
    speech = (9000 * np.sin(np.arange(24_000) / 9)).astype(np.int16)
    noise = rng.normal(0, 500, 12_000).astype(np.int16)
    quiet = np.zeros(5000, np.int16)
    keys = {speech_key(np.concatenate(parts)) for parts in ([speech], [quiet, speech, quiet], [noise, speech, noise])}
    assert len(keys) == 1
    assert speech_key(speech[:20_000]) not in keys
    assert loud_part(quiet).size == loud_part(quiet[:0]).size == 0
    backend = SimulatedBackend(utterance_sd_ms=100)
    assert backend.latency_ms("A", np.concatenate([quiet, speech])) == backend.latency_ms("A", speech)


def test_repeats_of_the_same_are_counted_apart_from_others() -> None:
    model = SimulatedModel(KnownTimes(trial_sd_ms=50), None, {}, 0.0)

    def ask(settings: Settings, text: str) -> Asked:
        return model.ask(settings, text=text, sound=None, tools=[], tool_outputs=[], drift_ms=0.0)

    first, other, second = ask(A, "hi"), ask(A, "ho"), ask(A, "hi")
    assert [first.repeat, other.repeat, second.repeat] == [0, 0, 1]
    assert first.latency_ms != second.latency_ms
    assert first.random.random() != second.random.random()
    assert model.asked == [first, other, second]


def test_answer_of_another_type_is_refused_by_its_value() -> None:
    model = SimulatedModel(KnownTimes(), lambda _: 7, {}, 0.0)  # type: ignore[arg-type]
    asked = model.ask(A, text="hi", sound=None, tools=[], tool_outputs=[], drift_ms=0.0)
    with pytest.raises(TypeError, match="answers returned 7"):
        model.reply(asked)
    silent = SimulatedModel(KnownTimes(), Reply(text="x", silence_ms=30), {}, {"marin": 20.0})
    assert silent.silence_ms("marin", silent.reply(asked)) == 30
    assert (silent.silence_ms("marin", Reply()), silent.silence_ms("cedar", Reply())) == (20, 0)


def test_true_difference_is_the_mean_over_utterances() -> None:
    backend = SimulatedBackend(base_ms=5000, shifts_ms={"B": 50}, effect_sd_ms=40, utterance_sd_ms=100)
    utterances = [f"question {number}" for number in range(8)]
    each = [backend.latency_ms("B", u) - backend.latency_ms("A", u) for u in utterances]
    assert backend.difference_ms("A", "B", utterances) == pytest.approx(statistics.mean(each))


def test_faults_come_by_share_or_by_function() -> None:
    plan = FaultPlan({"never": 0.1, "close": 0.2}, seed=3)
    drawn = [plan.of(session) for session in range(2000)]
    assert drawn.count("never") / 2000 == pytest.approx(0.1, abs=0.03)
    assert drawn.count("close") / 2000 == pytest.approx(0.2, abs=0.03)
    assert drawn == [FaultPlan({"never": 0.1, "close": 0.2}, seed=3).of(session) for session in range(2000)]
    by_function = FaultPlan(lambda session: "refuse" if session == 1 else None, seed=0)
    assert [by_function.of(session) for session in range(3)] == [None, "refuse", None]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"base_ms": -1}, "base_ms=-1"),
        ({"base_ms": float("nan")}, "base_ms=nan"),
        ({"trial_sd_ms": True}, "trial_sd_ms=True"),
        ({"shifts_ms": {"A": float("inf")}}, "shifts_ms.*inf"),
        ({"shifts_ms": {5: 1.0}}, "key 5"),
        ({"shifts_ms": 5}, "shifts_ms=5"),
        ({"noise": "pink"}, "noise='pink'.*gaussian"),
        ({"stalls": 1.5}, "stalls=1.5"),
        ({"stall_ms": (9, 3)}, r"stall_ms\[1\]=3"),
        ({"stall_ms": 9}, "stall_ms=9"),
        ({"seed": 0.5}, "seed=0.5"),
        ({"sound_pace": 0}, "sound_pace=0"),
        ({"lead_ms": {"marin": -1}}, "lead_ms=-1"),
        ({"append_work_ms": -2}, "append_work_ms=-2"),
        ({"faults": {"nevr": 0.1}}, "'nevr' must be one of.*'never'"),
        ({"faults": {"never": 0.7, "drip": 0.7}}, "at most 1 in sum"),
        ({"faults": "never"}, "faults='never'"),
    ],
)
def test_option_out_of_its_range_is_refused_with_its_value(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        SimulatedBackend(**options)
