"""Runs a grader on a trial; whatever goes wrong becomes a missing grade with its reason.

Owns what counts as a grade, and the time limit. Must not know graders or trials.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from realtime_nb.wire.realtime.validate import LONGEST_NAME

from .gradable import Grader, Missing

GradeValue: TypeAlias = "bool | int | float | str"

# Larger whole numbers have no exact float, and tables keep numbers of 64 bits.
LARGEST = 2**53
_LONGEST_TEXT = 100_000  # characters of a text beside the grade, such as a judge's replies


@dataclass(frozen=True)
class Grade:
    """The grade of one trial by one grader.

    Attributes:
        values: by column: one named like the grader, or `name.key` for each key of a dict, whose empty key is the
            column named like the grader. None is missing.
        reasons: by column, why it is missing. A grade that is there has no reason.
    """

    values: Mapping[str, GradeValue | None]
    reasons: Mapping[str, str]


async def grade(grader: Grader, trial: Any, *, timeout_s: float = 60.0) -> Grade:
    """Grade a trial; never raises but when it is cancelled itself.

    A function that is not `async def` runs in a thread of its own: one that hangs is left behind there, and delays no
    other grade.

    Args:
        grader: the grader.
        trial: what it gets.
        timeout_s: after so long the grade is missing.
    """
    try:
        value = await asyncio.wait_for(_called(grader, trial), timeout_s)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return _missing(grader, "CancelledError")  # raised by the grader itself
    except TimeoutError as error:
        # The grader's own TimeoutError comes with its words, that of the limit without.
        return _missing(grader, _words(error) if str(error) else f"no grade within {timeout_s:g} s")
    except (KeyboardInterrupt, SystemExit) as error:
        return _missing(grader, _words(error))
    except Exception as error:
        return _missing(grader, _words(error))
    return _checked(grader, value)


async def _called(grader: Grader, trial: Any) -> Any:
    if inspect.iscoroutinefunction(grader.function):
        return await grader.function(trial)
    value = await _in_thread(grader, trial)
    return await value if inspect.isawaitable(value) else value


async def _in_thread(grader: Grader, trial: Any) -> Any:
    # A daemon thread, not an executor: the interpreter would wait at its end for a grader that hangs.
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def settle(value: Any, error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(value)
        else:
            done.set_exception(error)

    def run() -> None:
        value: Any = None
        error: Exception | None = None
        try:
            value = grader.function(trial)
        except StopIteration as stop:
            error = RuntimeError(f"StopIteration: {stop}")  # a future refuses to hold it
        except BaseException as raised:
            # sys.exit() in a grader, too, becomes its reason: a future that held it would end the loop.
            error = raised if isinstance(raised, Exception) else RuntimeError(_words(raised))
        with contextlib.suppress(RuntimeError):  # the loop is closed: the sweep was over before this grader
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=run, name=f"grader {grader.name}", daemon=True).start()
    return await done


def _checked(grader: Grader, value: Any) -> Grade:
    if not isinstance(value, Mapping):
        found, reason = _value(value, LONGEST_NAME)
        return Grade({grader.name: found}, {grader.name: reason} if reason else {})
    if not value:
        return _missing(grader, "the grader returned an empty dict")
    if (longest := max(len(str(key)) for key in value)) > LONGEST_NAME:
        words = f"the grader returned a dict with a key of {longest:,} characters"
        return _missing(grader, f"{words}, and a name has at most {LONGEST_NAME:,}: return the long text as a value")
    values, reasons = {}, {}
    for key, each in value.items():
        column = f"{grader.name}.{key}" if key else grader.name
        values[column], reason = _value(each, _LONGEST_TEXT if key else LONGEST_NAME)
        if reason:
            reasons[column] = reason
    return Grade(values, reasons)


def _value(value: Any, longest: int) -> tuple[GradeValue | None, str]:
    """Return a grade as a plain value, or None and why it is none; a text has at most `longest` characters."""
    if isinstance(value, Missing):
        return None, value.reason
    if isinstance(value, (np.generic, np.ndarray)) and value.ndim == 0:
        value = value.item()
    if value is None:
        return None, "the grader returned None"
    if isinstance(value, float) and not math.isfinite(value):
        return None, f"the grader returned {value}"
    if isinstance(value, int) and abs(value) > LARGEST:
        return None, "the grader returned a number that is too large"
    if isinstance(value, str) and len(value) > longest:
        why = "return a short one, and longer texts in a dict beside it" if longest == LONGEST_NAME else "shorten it"
        return None, f"the grader returned {len(value):,} characters, and at most {longest:,} make a label: {why}"
    if isinstance(value, (bool, int, float, str)):
        return value, ""
    return None, f"the grader returned a {type(value).__name__}: return a number, a bool, a label or a dict of these"


def _missing(grader: Grader, reason: str) -> Grade:
    return Grade({grader.name: None}, {grader.name: reason})


def _words(error: BaseException) -> str:
    """Return an exception in one line of at most 200 characters."""
    try:
        said = " ".join(str(error).split())
    except Exception:
        said = "its message could not be read"
    return f"{type(error).__name__}: {said}"[:200] if said else type(error).__name__
