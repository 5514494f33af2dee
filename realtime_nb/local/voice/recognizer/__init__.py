"""Recognition of commands with pocketsphinx: a language model of what may be said here, and a judge of what was not."""

from __future__ import annotations

from realtime_nb.local.voice.recognizer.sphinx import SphinxRecognizer

__all__ = ["SphinxRecognizer"]
