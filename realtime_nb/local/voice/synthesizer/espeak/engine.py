"""Run espeak-ng on one thread that all sessions of the process share.

Owns the thread and its queue. Must not know voices of the API, resampling or text chunks. A job is one sentence:
streams alternate at sentence boundaries, and none can change another's voice within a sentence.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field

from realtime_nb.local.voice.protocols import Pcm
from realtime_nb.local.voice.synthesizer.espeak.library import EspeakLibrary, VoiceSpec


@dataclass(frozen=True, slots=True)
class EngineChunk:
    """The sound of one callback: samples at the library's rate, and the text positions of words that start."""

    samples: Pcm
    words: list[int]


@dataclass(eq=False, slots=True)
class Job:
    """A sentence to speak. `results` ends with None, or with the exception that ended it."""

    text: str
    voice: VoiceSpec
    cancelled: threading.Event
    results: queue.SimpleQueue[EngineChunk | Exception | None] = field(default_factory=queue.SimpleQueue)

    def put(self, samples: Pcm, words: list[int]) -> bool:
        """Queue sound for the job's reader; False once the job is cancelled."""
        if self.cancelled.is_set():
            return False
        self.results.put(EngineChunk(samples, words))
        return True


@dataclass(eq=False, slots=True)
class PhonemeJob:
    """A text whose phonemes are wanted. `results` receives them, or the exception that came instead."""

    text: str
    voice_name: str
    results: queue.SimpleQueue[str | Exception] = field(default_factory=queue.SimpleQueue)


class EspeakEngine:
    """Runs jobs in the order of `submit`, on a daemon thread that starts with the first and holds nothing to save."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Job | PhonemeJob] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._failure: Exception | None = None
        self._thread: threading.Thread | None = None
        self._rate_hz = 0

    @property
    def rate_hz(self) -> int:
        """The library's sample rate; starts it if need be.

        Raises:
            EspeakError: it does not initialise.
            OSError: it does not load.
        """
        self._start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self._rate_hz

    def submit(self, job: Job) -> None:
        """Queue a job."""
        self._start()
        self._jobs.put(job)

    def phonemes(self, text: str, voice_name: str) -> str:
        """Return the IPA phonemes of a text; waits for the jobs before it.

        Raises:
            EspeakError: there is no such voice, or the library does not work.
            OSError: it does not load.
        """
        self._start()
        job = PhonemeJob(text, voice_name)
        self._jobs.put(job)
        result = job.results.get()
        if isinstance(result, Exception):
            raise result
        return result

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="espeak", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        try:
            library = EspeakLibrary()
            self._rate_hz = library.rate_hz
        except Exception as error:
            self._failure = error
        self._ready.set()
        while True:
            job = self._jobs.get()
            if self._failure is not None:
                job.results.put(self._failure)
                continue
            try:
                if isinstance(job, PhonemeJob):
                    job.results.put(library.phonemes(job.text, job.voice_name))
                    continue
                if not job.cancelled.is_set():
                    library.synthesize(job.text, job.voice, job.put)
                job.results.put(None)
            except Exception as error:
                job.results.put(error)


ENGINE = EspeakEngine()
"""One a process, as the library's state is."""
