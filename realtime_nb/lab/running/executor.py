"""Runs trials where an executor runs them: in threads, in processes, or on the workers of a cluster.

Owns what may travel there, and how a lost worker is noticed. Must not know sweeps or money. A trial travels with the
place of its key and never with the key.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Protocol
from uuid import uuid4

from realtime_nb.client.replay.allowance import SpendingGuard
from realtime_nb.client.settings import is_local_models
from realtime_nb.client.variant import Variant
from realtime_nb.errors import ConfigError, RealtimeError
from realtime_nb.keys.secret import EnvKey, Headers, Secret
from realtime_nb.lab.running.run_trial import longest_s, run_trial
from realtime_nb.lab.trial import Trial, TrialOutcome, TrialSetup, failed_outcome
from realtime_nb.redact import secrets_of

_QUEUE_S = 60.0


class ExecutorFailed(RealtimeError):  # noqa: N818 - it ends a sweep
    """The executor can run nothing any more, or not these trials."""


class TrialLost(Exception):  # noqa: N818 - it is an outcome of a task
    """A worker was lost with a trial, and another worker was given the same task."""


class TrialRunner(Protocol):
    """Runs one attempt at a trial.

    Attributes:
        asks: whether a trial asks its guard before it may cost more: then it need not reserve its whole bound.
    """

    asks: bool

    async def run(self, trial: Trial, guard: SpendingGuard | None = None) -> TrialOutcome:
        """Return the outcome, whatever happened. Raises `ExecutorFailed` where nothing can run any more."""


class HereRunner:
    """Runs trials on the loop that it is called on."""

    asks = True

    def __init__(self, setup: TrialSetup) -> None:
        self._setup = setup

    async def run(self, trial: Trial, guard: SpendingGuard | None = None) -> TrialOutcome:
        """Run one attempt."""
        return await run_trial(trial, self._setup, guard)


class ExecutorRunner:
    """Runs trials as tasks of an executor, one each.

    Args:
        executor: any; a worker with several threads runs as many trials at a time, on one loop.
        setup: of the trials.
        variants: all that will be run, for the check of their keys.
        concurrency: how many tasks are out at most: with a single worker, the last of them waits for all others.

    Raises:
        ConfigError: no executor, or a key that would travel with the trials.
    """

    asks = False  # a worker would have to ask this process while a response begins

    def __init__(
        self, executor: concurrent.futures.Executor, setup: TrialSetup, variants: Iterable[Variant], concurrency: int
    ) -> None:
        if not isinstance(executor, concurrent.futures.Executor):
            raise ConfigError(
                f"executor={executor!r} must be a concurrent.futures.Executor: of a Dask client it is "
                "client.get_executor()"
            )
        refuse_keys(setup, variants)
        self._executor = executor
        self._setup = replace(setup, backend=_settled(setup))
        self._concurrency = concurrency

    async def run(self, trial: Trial, guard: SpendingGuard | None = None) -> TrialOutcome:
        """Run one attempt as a task; a lost worker gives a failed outcome that can be repeated."""
        started_at = time.time()
        limit_s = (self._concurrency + 1) * longest_s(trial, self._setup.options) + _QUEUE_S
        try:
            task = self._executor.submit(run_elsewhere, trial, self._setup, uuid4().hex)
            async with asyncio.timeout(limit_s):
                return await asyncio.wrap_future(task)
        except TrialLost as lost:
            words = str(lost)
        except TimeoutError:
            words = f"no worker returned this trial within {limit_s:g} s"
        except asyncio.CancelledError:
            if (current := asyncio.current_task()) is not None and current.cancelling():
                raise
            raise ExecutorFailed(
                "the executor cancelled a trial: it was shut down, or has lost its scheduler"
            ) from None
        except (concurrent.futures.BrokenExecutor, RuntimeError) as error:
            raise ExecutorFailed(
                f"the executor runs nothing any more ({type(error).__name__}: {error}). Run again with a new executor: "
                "what is done is kept."
            ) from error
        except Exception as error:
            if type(error).__name__ != "KilledWorker":  # of Dask, which is not imported for its name
                raise _not_sent(error) from error
            words = "its workers were lost again and again"
        # It may have been answered before the worker was lost.
        lost_outcome = failed_outcome(trial, self._setup, words, started_at=started_at, billed=True)
        return replace(lost_outcome, retryable=True)


def _not_sent(error: Exception) -> ExecutorFailed:
    return ExecutorFailed(
        f"a trial could not be sent to a worker: {type(error).__name__}: {error}. Functions (of tools, keys and "
        "curves) must be importable there."
    )


def run_elsewhere(trial: Trial, setup: TrialSetup, token: str) -> TrialOutcome:
    """Run one attempt in a worker, on the one loop of its process.

    Raises:
        TrialLost: another worker began this task before, and was lost.
    """
    if _begun_before(token):
        raise TrialLost("the worker that ran this trial was lost")
    return asyncio.run_coroutine_threadsafe(run_trial(trial, setup), _loop_of_process()).result()


def _begun_before(token: str) -> bool:
    """Return whether a task was begun already. Dask repeats the tasks of a lost worker by itself, and each costs."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return False
    try:
        distributed.get_worker()
    except ValueError:  # this is no worker of Dask
        return False
    begun = distributed.Event(f"realtime-nb-{token}")
    if begun.is_set():
        return True
    begun.set()
    return False


_loops: dict[int, asyncio.AbstractEventLoop] = {}
_lock = threading.Lock()


def _loop_of_process() -> asyncio.AbstractEventLoop:
    """Return the loop on which all trials of this process run: many loops in threads would disturb each other."""
    with _lock:
        loop = _loops.get(os.getpid())  # a fork has none: the thread stayed in its parent
        if loop is None:
            _loops.clear()
            loop = _loops[os.getpid()] = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="realtime_nb trials", daemon=True).start()
        return loop


def _fork() -> None:
    global _lock
    _lock = threading.Lock()  # its holder may be a thread that the fork does not have


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_fork)


def _settled(setup: TrialSetup) -> Any:
    """Return the backend by its name: `"auto"` would be decided by the environment of each worker."""
    if setup.backend != "auto":
        return setup.backend
    if setup.api_key is not None or os.environ.get("OPENAI_API_KEY", "").strip():
        return "openai"
    from realtime_nb.local.models import LocalModels

    return LocalModels.from_environment() or "local"


def refuse_keys(setup: TrialSetup, variants: Iterable[Variant]) -> None:
    """Raise `ConfigError` where a key would travel to the workers of an executor."""
    _refuse("api_key=", setup.api_key)
    for backend in (setup.backend, *(variant.backend for variant in variants)):
        if isinstance(backend, (str, type(None))):
            continue
        named = "rt.LocalModels" if is_local_models(backend) else "rt.Backend"
        for name, value in vars(backend).items():
            _refuse(f"{name}= of the {named}", value)


def _refuse(option: str, value: Any) -> None:
    instead = (
        "keys are read where trials run: set the variable (such as OPENAI_API_KEY) in the workers' environment, or "
        "give rt.EnvKey('MY_KEY'), or a function of a module that the workers can import."
    )
    if isinstance(value, Headers):
        held = bool(len(secrets_of(value)))
    elif isinstance(value, (tuple, list)):
        held = any(isinstance(each, Secret) for each in value)
    else:
        held = isinstance(value, Secret) or (isinstance(value, str) and option.startswith("api_key"))
    if held:
        raise ConfigError(f"{option} is given as a value, and with executor= no key leaves this process: {instead}")
    if callable(value) and "key" in option and not _is_importable(value):
        name = getattr(value, "__qualname__", type(value).__qualname__)
        raise ConfigError(
            f"{option} is the function {name}, which the workers cannot import, so that what it holds would travel: "
            f"{instead}"
        )


def _is_importable(function: Callable[..., Any]) -> bool:
    if isinstance(function, EnvKey):
        return True
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "<none>")
    if not module or module == "__main__" or "<" in name:
        return False
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is function
