"""The recognition process, without a server around it."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from realtime_nb.local.recognizer_process import RecognizerProcess
from tests.integration.raw_client import speech, wait_for_end


async def test_process_answers_concurrent_requests() -> None:
    listener = RecognizerProcess()
    try:
        heard = await asyncio.gather(*(listener.recognize(speech(text)) for text in ("Hello!", "What is the time?")))
        assert [recognition.text for recognition in heard] == ["hello", "what is the time"]
        assert all(recognition.understood for recognition in heard)
    finally:
        await listener.close()


async def test_recognition_survives_the_death_of_the_process() -> None:
    listener = RecognizerProcess()
    try:
        await listener.warm()
        assert listener._process is not None
        first = listener._process.pid
        listening = asyncio.create_task(listener.recognize(speech("Hello!")))
        await asyncio.sleep(0)
        os.kill(first, signal.SIGKILL)
        assert (await listening).text == "hello"
        assert listener._process is not None
        assert listener._process.pid != first
    finally:
        await listener.close()


async def test_close_ends_the_process_and_its_recognitions() -> None:
    listener = RecognizerProcess()
    await listener.warm()
    assert listener._process is not None
    process = listener._process.pid
    listening = asyncio.create_task(listener.recognize(speech("Hello!")))
    await asyncio.sleep(0)
    await listener.close()
    with pytest.raises(RuntimeError, match=r"ended|closed"):
        await listening
    assert wait_for_end(process)


async def test_invalid_request_raises_and_the_process_goes_on() -> None:
    listener = RecognizerProcess()
    try:
        with pytest.raises(RuntimeError):
            await listener.recognize(speech("Hello!"), tools=[3])  # type: ignore[list-item]
        assert (await listener.recognize(speech("Hello!"))).text == "hello"
    finally:
        await listener.close()
