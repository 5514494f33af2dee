from __future__ import annotations

import logging
import pickle
import weakref

import pytest

from realtime_nb.client.turns.limits import Limits
from realtime_nb.conversation import FREE, Billing, Usage
from realtime_nb.errors import BudgetError, ConfigError

ANSWER = Usage(responses=1, cost_usd=0.1)


def test_time_counts_while_a_session_is_open_and_once_for_two_at_a_time() -> None:
    limits = Limits(minutes=1)
    limits.on_session_opened(100.0)
    limits.on_session_opened(110.0)
    limits.on_session_closed(120.0)
    assert limits.seconds_left(120.0) == 40.0
    assert limits.seconds_left(125.0) == 35.0
    limits.on_session_closed(130.0)
    limits.count_time(10_000.0)
    assert limits.seconds_left(20_000.0) == 30.0, "no session was open meanwhile"
    limits.on_session_opened(10_000.0)
    limits.count_time(10_030.0)
    assert limits.reached is not None
    assert (limits.reached.limit, limits.reached.value, limits.reached.used) == ("max_session_minutes", 1, 1)


def test_a_limit_is_reached_at_its_value_and_not_before() -> None:
    limits = Limits(cost_usd=0.2)
    limits.add(ANSWER)
    limits.check()
    limits.add(ANSWER)
    with pytest.raises(BudgetError, match=r"max_cost_usd=0\.2 is reached: \$0\.2 used"):
        limits.check()


@pytest.mark.parametrize(("spent", "higher"), [(0.2, "0.4"), (0.39, "0.4"), (3.21, "6.4"), (61.0, "120")])
def test_error_suggests_a_limit_that_is_not_reached_already(spent: float, higher: str) -> None:
    limits = Limits(cost_usd=0.2, owner="w")
    limits.add(Usage(responses=1, cost_usd=spent))
    with pytest.raises(BudgetError, match=rf"`w\.max_cost_usd = {higher}`"):
        limits.check()


def test_listeners_are_called_when_a_limit_is_reached_and_at_each_change() -> None:
    limits, told = Limits(cost_usd=0.2, minutes=5), list[str]()
    remove = limits.subscribe(lambda: told.append("reached" if limits.reached else "free"))
    for _ in range(3):
        limits.add(ANSWER)
    limits.change("max_cost_usd", 0.3)
    limits.change("max_cost_usd", 1)
    remove()
    limits.change("max_cost_usd", None)
    assert told == ["reached", "reached", "free"]


def test_what_was_used_without_a_limit_counts_for_one_that_is_set_later() -> None:
    limits = Limits()
    limits.add(ANSWER)
    assert limits.reached is None
    limits.change("max_cost_usd", 0.05)
    assert limits.reached is not None


def test_response_without_usage_counts_like_the_dearest_so_far() -> None:
    limits = Limits(cost_usd=0.35)
    for usage in (Usage(responses=1, cost_usd=0.01), ANSWER, Usage(unreported=1, cost_usd=0.0)):
        limits.add(usage)
    assert limits.reached is None
    limits.add(Usage(unreported=1, cost_usd=None))
    limits.add(Usage(responses=1, cost_usd=0.05))
    assert limits.reached is not None
    assert limits.reached.used == pytest.approx(0.36)


def test_what_a_fork_uses_counts_for_the_original_too_and_ends_both() -> None:
    original, fork, twig = Limits(cost_usd=0.3, owner="w"), Limits(owner="w"), Limits(cost_usd=5, owner="w")
    fork.share(original)
    twig.share(fork)
    twig.add(ANSWER)
    fork.add(ANSWER)
    assert original.reached is None
    assert original.usage.cost_usd == 0, "the usage of a fork is its own"
    twig.add(ANSWER)
    for limits, place in ((original, "w"), (fork, "w.parent"), (twig, "w.parent.parent")):
        with pytest.raises(BudgetError, match=rf"max_cost_usd=0\.3 is reached.*`{place}\.max_cost_usd = 0\.6`"):
            limits.check()


def test_fork_ends_when_the_original_reaches_its_limit_and_goes_on_when_that_is_raised() -> None:
    original, fork, told = Limits(cost_usd=0.2), Limits(), list[bool]()
    fork.share(original)
    fork.subscribe(lambda: told.append(fork.reached is not None))
    original.add(Usage(responses=1, cost_usd=0.2))
    original.change("max_cost_usd", 1)
    assert told == [True, False]
    fork.check()


def test_limit_of_a_fork_does_not_end_the_original() -> None:
    original, fork = Limits(cost_usd=1), Limits(cost_usd=0.1, owner="w")
    fork.share(original)
    fork.add(ANSWER)
    original.check()
    with pytest.raises(BudgetError, match=r"`w\.max_cost_usd"):
        fork.check()


def test_time_of_a_fork_counts_for_the_original_once_while_both_are_open() -> None:
    original, fork = Limits(minutes=1), Limits(minutes=5)
    fork.share(original)
    assert fork.seconds_left(0.0) == 60.0
    original.on_session_opened(0.0)
    fork.on_session_opened(10.0)
    original.on_session_closed(20.0)
    assert (original.seconds_left(25.0), fork.seconds_left(25.0)) == (35.0, 35.0)
    fork.on_session_closed(30.0)
    assert (original.seconds_left(90.0), fork.seconds_left(90.0)) == (30.0, 30.0)


def test_fork_with_an_unknown_price_is_refused_where_the_original_limits_the_cost() -> None:
    original, fork = Limits(cost_usd=1), Limits()
    fork.share(original)
    with pytest.raises(ConfigError, match="price of the model 'house-model' is not known"):
        fork.price_by(Billing(), "house-model")
    fork.price_by(Billing(prices=FREE), "house-model")


def test_fork_that_is_gone_is_not_kept_by_the_original() -> None:
    original = Limits(cost_usd=1)
    fork = Limits()
    fork.share(original)
    known = weakref.ref(fork)
    del fork
    assert known() is None
    original.add(Usage(responses=1, cost_usd=2))


def test_cancelled_response_without_usage_alone_reaches_no_limit() -> None:
    limits = Limits(cost_usd=1)
    limits.add(Usage(unreported=1, cost_usd=0.0))
    assert limits.reached is None


def test_transcription_of_unknown_price_is_not_counted_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    limits = Limits(cost_usd=1)
    for _ in range(2):
        limits.add(Usage(transcription_seconds=3.0, cost_usd=None))
    assert limits.reached is None
    assert caplog.text.count("price of the transcription is unknown") == 1


def test_a_free_backend_has_a_price_whatever_its_model() -> None:
    limits = Limits(cost_usd=1)
    limits.price_by(Billing(FREE), None)
    with pytest.raises(ConfigError, match=r"the model, which the server does not name, is not known.*rt\.Prices\("):
        limits.price_by(Billing(), None)


def test_a_budget_error_survives_pickling() -> None:
    error = BudgetError("over", limit="max_session_minutes", value=1, used=2)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.limit, again.value, again.used) == ("over", "max_session_minutes", 1, 2)
