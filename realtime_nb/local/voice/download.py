"""Download a model's files once into the user's cache, with their size and the progress.

Owns the cache folder, the requests and the errors. Must not know what is in the files. The host is
`https://huggingface.co`, or the one that `HF_ENDPOINT` names (a mirror).
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from realtime_nb.local.voice.reply import ReplyError

_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_BLOCK = 1 << 18
_REPORT_S = 0.5


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of a download, or a note for people.

    Attributes:
        name: what is downloaded, such as `"whisper base.en"`; the subject of a note.
        done, total: bytes; `total` is 0 where the server does not say it.
        state: `"loading"`, `"ready"` or `"failed"`; of a note `"noted"`.
        message: one sentence for people.
    """

    name: str
    done: int
    total: int
    state: str
    message: str


Report = Callable[[Progress], None]
"""Receives the progress, twice a second at most, on the thread that downloads."""


class DownloadError(ReplyError):
    """A model's file could not be fetched; the message names the URL, the cause and the next step."""


def ignore(_: Progress) -> None:
    """Report no progress."""


def still_loading(progress: Progress) -> str:
    """Return the error for a request that a download would keep waiting."""
    return f"{progress.message} Try again when it is complete."


def cache_folder() -> Path:
    """Return the folder of downloaded models: `REALTIME_NB_CACHE`, or the system's cache folder for this user."""
    if chosen := os.environ.get("REALTIME_NB_CACHE"):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "realtime-nb"


def fetch_files(
    name: str,
    repository: str,
    files: Sequence[str],
    *,
    optional: Sequence[str] = (),
    folder: Path,
    remedy: str,
    report: Report,
) -> Path:
    """Make sure that a folder holds the files of a repository, and return the folder.

    Args:
        name: for messages.
        repository: `OWNER/NAME` at the host.
        files: their paths within the repository; each lands under its last name.
        optional: further files, which a repository may lack.
        folder: where they land.
        remedy: the next step when there is no connection.
        report: receives the progress.

    Raises:
        DownloadError: a file is not there and cannot be fetched.
    """
    done_mark = folder / ".complete"
    if done_mark.is_file():
        return folder
    host = (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
    url = host
    try:
        with httpx.Client(follow_redirects=True, timeout=_TIMEOUT) as client:
            sizes: dict[str, int] = {}
            for file in (*files, *optional):
                url = f"{host}/{repository}/resolve/main/{file}"
                answer = client.head(url, headers={"Accept-Encoding": "identity"})
                if file in optional and answer.status_code == 404:
                    continue
                answer.raise_for_status()
                sizes[file] = int(answer.headers.get("content-length") or 0)
            folder.mkdir(parents=True, exist_ok=True)
            counter = _Counter(name, sum(sizes.values()), report)
            for file in sizes:
                url = f"{host}/{repository}/resolve/main/{file}"
                _download(client, url, folder / file.rpartition("/")[2], sizes[file], counter)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        why = f"{name} could not be downloaded from {url} ({_cause(error)}). {remedy}"
        report(Progress(name, 0, 0, "failed", why))
        raise DownloadError(why) from error
    done_mark.touch()
    report(Progress(name, counter.done, counter.done, "ready", f"{name} is downloaded."))
    return folder


class _Counter:
    """Counts the bytes of all files and reports now and then."""

    def __init__(self, name: str, total: int, report: Report) -> None:
        self.done = 0
        self._name, self._total, self._report = name, total, report
        self._next = 0.0
        self._say()

    def add(self, size: int) -> None:
        self.done += size
        if time.monotonic() >= self._next:
            self._say()

    def _say(self) -> None:
        self._next = time.monotonic() + _REPORT_S
        size = f" of {_megabytes(self._total)} MB" if self._total else " MB"
        text = f"Downloading {self._name}: {_megabytes(self.done)}{size}, once."
        self._report(Progress(self._name, self.done, self._total, "loading", text))


def _download(client: httpx.Client, url: str, target: Path, size: int, counter: _Counter) -> None:
    if size and target.is_file() and target.stat().st_size == size:
        counter.add(size)
        return
    # A file has its name once it is complete: an interrupted download must not look like a model.
    handle, temporary = tempfile.mkstemp(dir=target.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file, client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as got:
            got.raise_for_status()
            received = 0
            for block in got.iter_bytes(_BLOCK):
                file.write(block)
                received += len(block)
                counter.add(len(block))
        if size and received != size:
            raise httpx.RemoteProtocolError(f"{received} of {size} bytes came")
        Path(temporary).replace(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()


def _cause(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"HTTP {error.response.status_code}"
    return str(error) or type(error).__name__


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f}" if size < 10e6 else f"{size / 1e6:.0f}"
