"""Answers by a language model: any server with an OpenAI-compatible `/chat/completions`, streamed over httpx."""

from realtime_nb.local.voice.chat.responder import ChatResponder

__all__ = ["ChatResponder"]
