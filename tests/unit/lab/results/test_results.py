"""Answers about sweeps whose truth is known: which unit, which rows, which words, what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest

from realtime_nb.client.variant import Variant
from realtime_nb.errors import ConfigError
from realtime_nb.lab.results.results import Results
from realtime_nb.lab.statistics.compare import Comparison
from realtime_nb.lab.statistics.estimate import THESE_ONLY
from realtime_nb.lab.statistics.pass_rates import RateComparison
from tests.unit.lab.results.sweeps import failed, row, rows_of

FIRST = "speech_end_to_first_audible_ms"


def _voices(*names: str) -> dict[str, dict[str, Any]]:
    return {name: {"voice": name} for name in names}


def _grid(voices: tuple[str, ...], instructions: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    return {f"{v}, {i}": {"voice": v, "instructions": i} for v in voices for i in instructions}


def _late(**shifts: float) -> Any:
    return lambda settings: sum(shifts.get(str(value), 0.0) for value in settings.values())


def test_difference_of_voices_is_recovered_and_is_clear() -> None:
    results = Results(rows_of(_voices("marin", "cedar"), utterances=20, shift_ms=_late(cedar=80.0)))
    (found,) = results.compare("voice")
    assert isinstance(found, Comparison)
    assert (found.variant, found.baseline, found.metric, found.clear) == ("cedar", "marin", FIRST, True)
    assert found.typical.covers(80.0)
    assert found.typical.n == 20
    assert found.typical.n_trials == 160


def test_other_settings_do_not_multiply_the_utterances() -> None:
    rows = rows_of(
        _grid(("marin", "cedar"), ("brief", "warm", "long")), shift_ms=_late(cedar=50.0, warm=300.0, long=900.0)
    )
    (found,) = Results(rows).compare("voice")
    assert found.decisive.n == 12
    assert found.decisive.n_trials == 12 * 4 * 6
    assert found.decisive.covers(50.0)
    by_variant = Results(rows).compare("variant", baseline="marin, brief")["cedar, brief"]
    assert by_variant.decisive.n_trials == 12 * 4 * 2


def test_trials_missing_for_one_combination_do_not_shift_the_rest() -> None:
    rows = rows_of(_grid(("marin", "cedar"), ("brief", "slow")), shift_ms=_late(slow=2_000.0))
    lost = [
        failed(each) if each["voice"] == "cedar" and each["instructions"] == "slow" and each["repeat"] else each
        for each in rows
    ]
    (found,) = Results(lost).compare("voice")
    assert abs(found.decisive.value) < 100
    assert found.decisive.n_missing == 36


def test_settings_that_were_never_crossed_are_not_compared() -> None:
    variants = {"a": {"voice": "marin", "instructions": "brief"}, "b": {"voice": "cedar", "instructions": "warm"}}
    results = Results(rows_of(variants))
    with pytest.raises(
        ConfigError, match=r"no utterance with values .* with the same instructions.*compare\('variant'"
    ):
        results.compare("voice")
    assert len(results.compare("variant")) == 1


def test_baseline_is_the_first_variant_whatever_the_order_of_the_trials() -> None:
    rows = rows_of(_grid(("cedar", "marin", "ash"), ("brief", "warm")), utterances=10)
    variants = [
        Variant(f"{v}, {i}", {"voice": v, "instructions": i})
        for v in ("ash", "cedar", "marin")
        for i in ("warm", "brief")
    ]
    for order in (rows, rows[::-1], rows[7:] + rows[:7]):
        results = Results(order, variants=variants)
        assert results.compare().baseline == "ash, warm"
        assert [each.variant for each in results.compare("voice")] == ["cedar", "marin"]
        assert results.compare("instructions").baseline == "warm"
        assert results.summary("utterance", metric="total_ms").lines[0][0] == "question 0.wav"


def test_setting_that_does_not_vary_and_unknown_ones_are_named_with_those_that_do() -> None:
    results = Results(rows_of(_voices("marin", "cedar")))
    with pytest.raises(ConfigError, match=r"no setting of these results. Did you mean 'voice'"):
        results.compare("voices")
    with pytest.raises(ConfigError, match="Did you mean 'total_ms'"):
        results.compare("voice", metric="total")
    with pytest.raises(ConfigError, match="'marin', 'cedar'"):
        results.compare("voice", baseline="ash")
    with pytest.raises(ConfigError, match="one value"):
        Results(rows_of({"a": {"voice": "marin", "speed": 1}, "b": {"voice": "cedar", "speed": 1}})).compare("speed")
    with pytest.raises(ConfigError, match="there are no trials"):
        Results([])


def test_pass_rates_are_compared_by_their_rates_with_holm() -> None:
    rows = rows_of(_voices("a", "b", "c", "d"), utterances=20, passes=lambda s: {"d": 0.2}.get(s["voice"], 0.9))
    found = Results(rows).compare("voice", metric="polite")
    assert all(isinstance(each, RateComparison) and each.comparisons == 3 for each in found)
    assert [each.clear for each in found] == [False, False, True]
    assert all(each.p_holm >= each.p for each in found)
    assert found["d"].rates[0].value > 0.8 > 0.3 > found["d"].rates[1].value
    with pytest.raises(KeyError, match="'b', 'c', 'd'"):
        found["e"]


def test_fewer_than_ten_utterances_are_labelled_everywhere() -> None:
    results = Results(rows_of(_voices("marin", "cedar"), utterances=5, repeats=6, shift_ms=_late(cedar=300.0)))
    found = results.compare("voice")
    assert found[0].clear
    assert found[0].decisive.scope == THESE_ONLY
    for shown in (results, found, results.summary("voice"), results.pass_rates("polite"), results.tail("voice")):
        assert "these utterances only" in shown._repr_html_().lower(), type(shown)
    assert "on these utterances only" in repr(results.best(setting="voice"))
    with pytest.raises(ConfigError, match="at least 10"):
        results.spread("voice")


def test_a_rating_of_one_trial_does_not_speak_for_the_utterances_of_all_columns() -> None:
    results = Results(rows_of(_voices("marin", "cedar")))
    assert "these utterances only" not in repr(results)
    results.rate(results.rows[0]["trial_id"], 4)
    assert "1 utterance" not in repr(results)
    assert "Some columns have values for few utterances" in repr(results)


def test_grader_that_never_graded_is_named_below_the_tables_with_its_reason() -> None:
    rows = [row | {"broken_missing": "ValueError: boom"} for row in rows_of(_voices("marin", "cedar"))]
    results = Results(rows)
    for shown in (repr(results), results._repr_html_(), repr(results.summary("voice"))):
        assert f"broken is missing in {len(rows)} of {len(rows)}: ValueError: boom" in shown


def test_one_utterance_twice_is_never_clear() -> None:
    rows = rows_of(
        _voices("a", "b"), utterances=1, repeats=2, shift_ms=_late(b=9_000.0), passes=lambda s: float(s["voice"] == "a")
    )
    results = Results(rows)
    assert not results.compare("voice")[0].clear
    assert not results.compare("voice", metric="polite")[0].clear
    assert results.compare("voice", metric="polite")[0].decisive.low < -0.9


def test_failed_trials_are_missing_and_are_counted() -> None:
    rows = rows_of(_voices("marin", "cedar"))
    rows = [failed(each) if number < 3 else each for number, each in enumerate(rows)]
    results = Results(rows)
    assert results.errors == {"ConnectionClosed: the server went away": 3}
    assert results.frame["failed"].sum() == 3
    assert results.frame[FIRST].isna().sum() == 3
    assert "3 failed: ConnectionClosed" in results._repr_html_()
    assert results.compare("voice")[0].decisive.n_missing == 3
    assert results.compare("voice", metric="failed")[0].decisive.n_missing == 0


def test_variant_whose_answers_fail_at_once_is_not_the_fastest() -> None:
    rows = rows_of(_voices("marin", "verse"))
    for each in rows:
        if each["voice"] == "verse":
            each.update(error="the response failed: refused", total_ms=5.0, words=0, answer_ms=0.0)
    results = Results(rows)
    for metric in ("total_ms", "words"):
        with pytest.raises(ConfigError, match="has a value of"):
            results.compare("voice", metric=metric)
    with pytest.raises(ConfigError, match="has a value of"):
        results.best("total_ms", "voice")


def test_variants_with_and_without_sound_are_compared_by_their_first_words() -> None:
    rows = rows_of(_voices("marin", "cedar"))
    for each in rows:
        each["speech_end_to_first_text_ms"] = 300.0
        if each["voice"] == "cedar":
            each[FIRST] = None
    assert Results(rows).compare("voice").metric.name == "speech_end_to_first_text_ms"
    gone = [failed(each) if each["voice"] == "cedar" else each for each in rows_of(_voices("marin", "cedar", "ash"))]
    assert Results(gone).compare("voice").metric.name == FIRST


def test_variant_that_always_fails_is_left_out_with_a_note() -> None:
    rows = [failed(each) if each["voice"] == "ash" else each for each in rows_of(_voices("marin", "cedar", "ash"))]
    found = Results(rows).compare("voice")
    assert [each.variant for each in found] == ["cedar"]
    assert any("ash: left out, all 48 values are missing" in note for note in found.notes)
    with pytest.raises(ConfigError, match="all missing"):
        Results(rows).compare("voice", baseline="ash")


def test_warm_up_trials_do_not_count() -> None:
    rows = rows_of(_voices("marin", "cedar"))
    assert len(Results([*rows, {**rows[0], "trial_id": "w", "warmup": True}])) == len(rows)


def test_degraded_recording_is_paired_with_its_clean_twin() -> None:
    clean = rows_of({"only": {"voice": "marin"}}, utterances=12)
    rows = list(clean)
    for each in clean:
        own = {"utterance": f"{each['utterance']} (telephone pcmu)", "utterance_hash": "t" + each["utterance_hash"][1:]}
        rows.append(
            {
                **each,
                **own,
                "twin": each["utterance_hash"],
                FIRST: each[FIRST] + 70.0,
                "trial_id": "t" + each["trial_id"],
            }
        )
    results = Results(rows)
    assert results.settings == ("degradation",)
    (found,) = results.compare("degradation")
    assert (found.baseline, found.variant) == ("clean", "telephone pcmu")
    assert found.decisive.value == pytest.approx(70.0)
    assert found.decisive.n == 12
    assert results.summary("variant", metric=FIRST)["only"]["typical"].n == 12


def test_degradations_are_compared_where_no_clean_recording_was_run() -> None:
    rows = []
    for each in rows_of({"only": {"voice": "marin"}}, utterances=12):
        for how, late in (("telephone pcmu", 0.0), ("noise 5 dB", 30.0)):
            own = {"utterance": f"{each['utterance']} ({how})", "utterance_hash": how + each["utterance_hash"]}
            own |= {"twin": each["utterance_hash"], "trial_id": how + each["trial_id"], FIRST: each[FIRST] + late}
            rows.append({**each, **own})
    (found,) = Results(rows).compare("degradation")
    assert (found.baseline, found.variant, found.decisive.n) == ("telephone pcmu", "noise 5 dB", 12)
    assert found.decisive.value == pytest.approx(30.0)


def test_turns_of_a_scenario_are_no_utterances_of_their_own() -> None:
    rows = rows_of(_voices("marin", "cedar"), turns=(0, 1, 2), shift_ms=_late(cedar=60.0))
    for each in rows:
        turn = f"{each['utterance']}, turn {each['turn'] + 1}"
        each |= {"scenario": each["utterance"], "utterance": turn, "utterance_hash": turn}
    results = Results(rows)
    assert results.compare("voice")[0].decisive.n == 12
    assert results.compare("voice", turn=1)[0].decisive.n_trials == 96
    assert len(results.summary("turn", metric=FIRST)) == 3


def test_counts_that_are_mostly_0_are_decided_by_their_mean() -> None:
    rows = []
    for each in rows_of(_voices("patient", "hasty"), utterances=20, repeats=5):
        hasty = each["voice"] == "hasty" and (int(each["utterance"].split()[1][:-4]) + each["repeat"]) % 5 < 2
        rows.append({**each, "cut_offs": int(hasty)})
    found = Results(rows).compare("voice", metric="cut_offs")[0]
    assert isinstance(found, Comparison)
    assert found.decides == "mean"
    assert found.typical.value == 0
    assert found.mean.value == pytest.approx(0.4)
    assert found.clear
    assert "the mean decides" in repr(found)


def test_labels_are_compared_by_how_often_they_occur() -> None:
    rows = [{**each, "tone": "warm" if each["voice"] == "a" else "cold"} for each in rows_of(_voices("a", "b"))]
    results = Results(rows)
    with pytest.raises(ConfigError, match=r"'tone=warm', 'tone=cold'"):
        results.compare("voice", metric="tone")
    assert results.compare("voice", metric="tone=warm")[0].decisive.value == -1.0


def test_best_is_found_where_it_is_clear_and_refused_with_a_remedy_where_it_is_not() -> None:
    results = Results(rows_of(_voices("a", "b", "c"), utterances=20, shift_ms=_late(a=90.0, c=60.0)))
    best = results.best(setting="voice")
    assert (best.value, best.better) == ("b", "lower")
    assert len(best.comparisons) == 2
    equal = Results(rows_of(_voices("a", "b", "c"), utterances=20))
    with pytest.raises(ConfigError, match=r"no voice is clearly best .* not clearly worse: .*trials on \d+ utterances"):
        equal.best(setting="voice")
    with pytest.raises(ConfigError, match="better='lower' or 'higher'"):
        results.best("words", "voice")
    slowest = (
        results.best(setting="voice", better="higher") if results.compare("voice", baseline="a")["c"].clear else None
    )
    assert slowest is None or slowest.value == "a"


def test_pass_k_has_an_upper_and_a_lower_ability() -> None:
    found = Results(rows_of(_voices("a"), repeats=5, passes=lambda s: 0.7)).pass_rates("polite")["a"]
    assert list(found) == ["pass@1", "pass@5", "pass^5"]
    assert found["pass^5"].value < found["pass@1"].value < found["pass@5"].value
    results = Results(rows_of(_voices("a", "b")))
    with pytest.raises(ConfigError, match="at most 4"):
        results.pass_rates("polite", k=9)
    with pytest.raises(ConfigError, match="no passes"):
        results.pass_rates("total_ms")


def test_needed_grows_as_the_difference_shrinks() -> None:
    results = Results(rows_of(_voices("a", "b"), utterances=20))
    assert results.needed(10, "voice").trials > results.needed(40, "voice").trials >= 80
    assert results.spread("voice")["b"].sd_trial == pytest.approx(85, rel=0.2)


def test_tail_refuses_the_99th_percentile_of_few_trials() -> None:
    few = Results(rows_of(_voices("a"), utterances=10, repeats=4, stalls=0.1)).tail()["a"]
    assert "needs 100 trials" in few["p99"].note
    assert few["stalls"].value > 0.02


def test_names_of_long_texts_begin_where_they_differ() -> None:
    long = "You are a careful assistant of a bank, and you answer every question "
    variants: dict[str, dict[str, Any]] = {
        "a": {"instructions": long + "in one sentence."},
        "b": {"instructions": long + "at length."},
        "c": {"instructions": None},
    }
    found = Results(rows_of(variants)).compare("instructions")
    assert found.baseline.startswith("You are a careful")
    two = Results(rows_of({name: variants[name] for name in "ab"})).compare("instructions")
    assert (two.baseline, two[0].variant) == ("…in one sentence.", "…at length.")


def test_two_runs_are_compared_where_their_utterances_and_settings_are_the_same() -> None:
    before = Results(rows_of(_voices("marin", "cedar"), utterances=15))
    now = Results(
        [{**each, FIRST: each[FIRST] + 40.0} for each in rows_of(_voices("marin", "ash"), utterances=12, seed=1)]
    )
    with pytest.raises(ConfigError, match="one of the two"):
        now.against(before, variant="ash")
    found = now.against(before, variant="marin")
    assert found[0].decisive.n == 12
    assert any("different times" in note for note in found.notes)
    assert now.against(before)[0].decisive.n_trials == 12 * 2 * 4
    other = Results(rows_of({"x": {"voice": "verse"}}))
    with pytest.raises(ConfigError, match="other utterances, or variants of other names"):
        now.against(other)
    with pytest.raises(ConfigError, match="takes other results"):
        now.against("folder")  # type: ignore[arg-type]


def test_settings_that_changed_between_two_runs_are_named() -> None:
    before = Results(rows_of({"a": {"voice": "marin", "model": "old"}, "b": {"voice": "cedar", "model": "old"}}))
    now = Results(rows_of({"a": {"voice": "marin", "model": "new"}, "b": {"voice": "ash", "model": "old"}}))
    notes = now.against(before).notes
    assert "The variant 'a' differs between the runs in model." in notes
    assert "The variant 'b' differs between the runs in voice." in notes
    assert len(before.against(before).notes) == 1


def test_html_escapes_every_text() -> None:
    evil = "<script>alert(1)</script>"
    rows = [row(evil, {"voice": evil}, n, r, error=evil if n == 3 else None) for n in range(4) for r in range(2)]
    rows += [row("b", {"voice": "b"}, n, r) for n in range(4) for r in range(2)]
    results = Results(rows, about=evil)
    for shown in (results, results.summary("voice"), results.compare("voice", metric="total_ms")):
        assert "<script" not in shown._repr_html_()
        assert "&lt;script" in shown._repr_html_()


BAD_QUESTIONS: dict[str, tuple[Any, str]] = {
    "text": (lambda r: r.compare("voice", metric="text"), "neither measured nor graded"),
    "place of a row": (lambda r: r.compare("voice", metric="repeat"), "neither measured nor graded"),
    "share of a transcript": (lambda r: r.compare("voice", metric="text=It is 1."), "no column"),
    "no name": (lambda r: r.compare("voice", metric=3), "name of a column"),
    "no setting": (lambda r: r.summary(None), "no setting"),
    "a turn that was not run": (lambda r: r.compare("voice", turn=7), "turn=7 was not run"),
    "level": (lambda r: r.compare("voice", level=1.5), "level=1.5 must be between 0 and 1"),
    "level of a summary": (lambda r: r.summary(level=0), "level=0 must be"),
    "stall": (lambda r: r.tail(stall=-3), "stall=-3 must be"),
    "no trials": (lambda r: r.pass_rates("polite", k=0), "k=0 must be"),
    "half a trial": (lambda r: r.pass_rates("polite", k=2.5), "k=2.5 must be"),
    "true trials": (lambda r: r.pass_rates("polite", k=True), "k=True must be"),
    "tail of passes": (lambda r: r.tail(metric="polite"), "no tail"),
    "no difference": (lambda r: r.needed(0), "difference=0"),
    "no number": (lambda r: r.needed("20"), "difference='20' must be a number"),
    "nan": (lambda r: r.needed(float("nan")), "difference=nan must be a number"),
    "certainty": (lambda r: r.needed(20, power=1.0), "power=1.0"),
    "no repeats": (lambda r: r.needed(20, repeats=0), "repeats=0"),
    "direction": (lambda r: r.best("total_ms", "voice", better="faster"), "better='faster'"),
    "no variant": (lambda r: r.payload(3), "3 is no variant"),
}


@pytest.mark.parametrize("question", BAD_QUESTIONS)
def test_wrong_questions_are_refused_with_the_value(question: str) -> None:
    ask, words = BAD_QUESTIONS[question]
    with pytest.raises(ConfigError, match=words):
        ask(Results(rows_of(_voices("a", "b"))))


def test_results_of_one_variant_say_that_there_is_nothing_to_compare() -> None:
    results = Results(rows_of(_voices("a")))
    for ask in (results.compare, results.best, results.spread, lambda: results.needed(30)):
        with pytest.raises(ConfigError, match=r"nothing to compare|no other value"):
            ask()
    assert len(results.summary()) > 0
    assert results.tail()["a"]["p95"].value > 0


def test_results_whose_trials_all_failed_can_be_looked_at() -> None:
    results = Results([failed(each) for each in rows_of(_voices("a", "b"))])
    assert "96 failed: ConnectionClosed" in repr(results)
    assert "96 failed" in results._repr_html_()
    assert results.frame["failed"].all()
    with pytest.raises(ConfigError, match="all missing"):
        results.compare("voice", metric="total_ms")


def test_half_characters_of_a_server_reach_no_file(tmp_path: Any) -> None:
    rows = rows_of(_voices("a", "b"), utterances=2, repeats=1)
    rows[0] |= {"text": "half \ud800", "tool_calls": [{"name": "f", "arguments": {"x": "\udfff"}}]}
    results = Results(rows)
    results.to_csv(tmp_path / "r.csv")
    results.to_parquet(tmp_path / "r.parquet")
    assert "half ?" in results.to_jsonl(tmp_path / "r.jsonl").read_text(encoding="utf-8")


def test_none_and_the_word_null_are_two_values() -> None:
    results = Results(rows_of({"a": {"instructions": None}, "b": {"instructions": "null"}}))
    assert results.compare("instructions")[0].variant == "null"
    assert results.compare("instructions", baseline="null")[0].variant == "default"


def test_difference_of_pass_rates_needs_more_trials_than_a_larger_one() -> None:
    results = Results(rows_of(_voices("a", "b"), utterances=20, passes=lambda s: 0.6))
    assert results.needed(0.1, "voice", metric="polite").trials > results.needed(0.3, "voice", metric="polite").trials
    spread = results.spread("voice", metric="polite")["b"]
    assert spread.of == "means"
    assert spread.sd_trial == pytest.approx((2 * 0.24) ** 0.5, rel=0.15)


@pytest.mark.parametrize("metric", [FIRST, "polite", "cut_offs"])
def test_figure_shows_any_name_as_it_is(metric: str) -> None:
    rows = rows_of({"$x^2$ costs $5 \\frac{": {"speed": 1}, "second\nline " + "long " * 30: {"speed": 2}}, utterances=3)
    figure: Any = Results(rows).plot(metric=metric)
    assert figure._repr_png_().startswith(b"\x89PNG")
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels[0].replace("\n", " ") == r"\$x^2\$ costs \$5 \frac{"
    assert "these 3 utterances only" in figure.axes[1].get_xlabel()


def test_labels_of_a_grader_have_columns_with_their_shares() -> None:
    rows = [
        {**each, "tone": "warm" if each["voice"] == "a" or not each["repeat"] else "cold", "reply": each["trial_id"]}
        for each in rows_of(_voices("a", "b"), utterances=10, repeats=4)
    ]
    results = Results(rows)
    assert {"tone=cold", "tone=warm"} <= set(results.metrics)
    assert not any(name.startswith("reply") for name in results.metrics)  # each trial has one of its own
    assert results.summary()["a"]["tone=warm"]["rate"].value == 1.0
    assert results.summary()["b"]["tone=warm"]["rate"].value == 0.25
    assert "tone=warm" in results._repr_html_()


@pytest.mark.parametrize(("metric", "least", "most"), [("turn_taking", 0.0, 1.0), ("words", 0.0, None)])
@pytest.mark.parametrize("utterances", [3, 12])
def test_intervals_of_a_summary_end_where_the_values_of_the_metric_do(
    metric: str, least: float, most: float | None, utterances: int
) -> None:
    values = [0.0, 1.0, 1.0, 0.0, 1.0]
    rows = [
        {**row("v", {}, number, repeat), metric: values[(number + repeat) % 5]}
        for number in range(utterances)
        for repeat in range(2)
    ]
    for estimate in Results(rows).summary(metric=metric)["v"].values():
        assert estimate.low >= least
        assert most is None or estimate.high <= most
        assert estimate.low <= estimate.value <= estimate.high


@pytest.mark.parametrize("metric", ["turn_taking", "similarity", "polite", "mood=warm"])
@pytest.mark.parametrize("utterances", [1, 3, 12])
def test_intervals_of_differences_end_where_differences_of_the_values_do(metric: str, utterances: int) -> None:
    values = {"turn_taking": (0.0, 1.0), "similarity": (0.0, 1.0), "polite": (False, True), "mood=warm": ("", "warm")}
    column = metric.partition("=")[0]
    rows = [
        {**row(name, {"voice": name}, number, repeat), column: values[metric][(place + (number + repeat) % 4 // 3) % 2]}
        for place, name in enumerate("abcd")
        for number in range(utterances)
        for repeat in range(3)
    ]
    for each in Results(rows).compare("voice", metric=metric):
        shown = [each.decisive, each.together]
        shown += [estimate for name in ("mean", "stalls") if (estimate := getattr(each, name, None)) is not None]
        for estimate in shown:
            if not math.isinf(estimate.low):
                assert -1 <= estimate.low <= estimate.value <= estimate.high <= 1, (metric, estimate)


def test_waits_of_which_none_is_below_0_have_no_interval_below_0() -> None:
    waits = {"early": [-50.0, 900.0], "late": [20.0, 900.0]}
    rows = [
        row(name, {}, number, repeat, speech_end_to_first_audible_ms=wait, total_ms=wait)
        for name, each in waits.items()
        for number in range(2)
        for repeat, wait in enumerate(each)
    ]
    summary = Results(rows).summary(metric=["speech_end_to_first_audible_ms", "total_ms"])
    for metric in ("speech_end_to_first_audible_ms", "total_ms"):
        assert all(estimate.low < 0 for estimate in summary["early"][metric].values())  # it answered too early
        assert all(estimate.low == 0 for estimate in summary["late"][metric].values())


def test_values_without_an_interval_say_that_they_are_too_few() -> None:
    results = Results([row("v", {}, number) for number in range(3)])
    shown = repr(results.summary(metric="total_ms"))
    assert "too few trials for an interval" in shown
    assert "∞" not in shown
    assert "inf" not in repr(results.summary(metric="total_ms")["v"]["typical"])


def test_missing_values_of_a_data_frame_are_missing() -> None:
    rows = rows_of(_voices("marin", "cedar"), utterances=20, shift_ms=_late(cedar=80.0))
    missing = dict.fromkeys(("error", "twin", "warmup", "scenario", "polite"), math.nan)
    results = Results({**each, **missing} for each in rows)
    assert not any(each["failed"] for each in results.rows)
    assert not any(isinstance(value, float) and math.isnan(value) for each in results.rows for value in each.values())
    assert results.compare("voice")[0].typical.value == Results(rows).compare("voice")[0].typical.value


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_infinite_value_is_refused_with_its_trial_and_column(value: float) -> None:
    rows = rows_of(_voices("marin", "cedar"))
    rows[3]["total_ms"] = value
    with pytest.raises(ConfigError, match=rf"{rows[3]['trial_id']}.*{value!r} in the column 'total_ms'.*None"):
        Results(rows)
