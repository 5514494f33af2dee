"""Call the espeak-ng library through ctypes: the few functions for sound and for phonemes.

Owns the C declarations and the library's initialisation. Must not know threads, voices of the API, or sentences.
espeak-ng keeps its state in globals: everything here must be called from one thread, the one of `engine`.
Layouts are those of `speak_lib.h` (espeak-ng 1.5x).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from realtime_nb.local.voice.protocols import Pcm

_AUDIO_OUTPUT_SYNCHRONOUS = 2  # retrieval, and `espeak_Synth` returns when the sound is complete
_INITIALIZE_DONT_EXIT = 0x8000
_POSITION_CHARACTER = 1
_CHARS_UTF8 = 1
_END_PAUSE = 0x1000
_EVENT_LIST_TERMINATED = 0
_EVENT_WORD = 1
_RATE, _PITCH, _RANGE, _WORD_GAP = 1, 3, 4, 7
_IPA = 2
_BUFFER_MS = 60  # how much sound a callback brings: the first chunk is this long
_SEED = 1


class EspeakError(RuntimeError):
    """The library is installed and does not work."""


@dataclass(frozen=True, slots=True)
class VoiceSpec:
    """The settings of one voice.

    Attributes:
        name: an espeak voice, with a variant: `"en-us+f3"`.
        pitch: 0..100, 50 is the voice's own.
        pitch_range: 0..100; how lively the melody is.
        words_per_minute: 80..450.
        word_gap: a pause between words, in units of 10 ms.
    """

    name: str
    pitch: int = 50
    pitch_range: int = 50
    words_per_minute: int = 170
    word_gap: int = 0


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))

Sink = Callable[[Pcm, list[int]], bool]
"""Receives sound, and the text positions (characters, from 0) of the words that start in it; True goes on."""


class EspeakLibrary:
    """An initialised espeak-ng. One a process, used from the thread that made it."""

    def __init__(self) -> None:
        import espeakng_loader

        # PyDLL semantics would hold the GIL through the synthesis; CDLL lets the other threads run.
        self._lib = ctypes.CDLL(espeakng_loader.get_library_path())
        lib = self._lib
        lib.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
        lib.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
        lib.espeak_SetParameter.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int]
        lib.espeak_SetSynthCallback.argtypes = [_Callback]
        lib.espeak_SetSynthCallback.restype = None
        c_int, c_uint = ctypes.c_int, ctypes.c_uint
        out = (ctypes.POINTER(c_uint), ctypes.c_void_p)
        lib.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_void_p), c_int, c_int]
        lib.espeak_TextToPhonemes.restype = ctypes.c_char_p
        lib.espeak_Synth.argtypes = [ctypes.c_char_p, ctypes.c_size_t, c_uint, c_int, c_uint, c_uint, *out]
        data = espeakng_loader.get_data_path().encode()
        # espeak-ng 1.52 draws its breath noise from the clock, and then the same sentence is not the same sound twice.
        # Before 1.52 it draws from an unseeded `rand()`: no function, no need.
        self._seed = getattr(lib, "espeak_ng_SetRandSeed", None)
        if self._seed is not None:
            self._seed.argtypes, self._seed.restype = [ctypes.c_long], None
        self.rate_hz: int = lib.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, _BUFFER_MS, data, _INITIALIZE_DONT_EXIT)
        if self.rate_hz <= 0:
            raise EspeakError(f"espeak-ng does not initialise with its data at {data.decode()}")
        self._sink: Sink | None = None
        self._callback = _Callback(self._on_sound)  # kept: ctypes frees a callback without a reference
        lib.espeak_SetSynthCallback(self._callback)
        self._voice: VoiceSpec | None = None

    def synthesize(self, text: str, voice: VoiceSpec, sink: Sink) -> None:
        """Feed `sink` with the sound of `text` until the end or until it returns False."""
        self._set_voice(voice)
        if self._seed is not None:
            self._seed(_SEED)
        encoded = text.encode()
        self._sink = sink
        try:
            # The size tells the library where to stop, with room for the terminating zero that ctypes adds.
            status = self._lib.espeak_Synth(
                encoded, len(encoded) + 1, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8 | _END_PAUSE, None, None
            )
        finally:
            self._sink = None
        if status != 0:
            raise EspeakError(f"espeak_Synth failed with status {status}")

    def phonemes(self, text: str, voice_name: str) -> str:
        """Return the IPA phonemes of a text, without its punctuation; words are separated by spaces.

        Raises:
            EspeakError: there is no such voice.
        """
        self._set_voice(VoiceSpec(voice_name))
        buffer = ctypes.create_string_buffer(text.encode())
        rest = ctypes.c_void_p(ctypes.addressof(buffer))
        found: list[str] = []
        while rest.value:  # each call reads one clause and moves the pointer; NULL at the end
            found.append((self._lib.espeak_TextToPhonemes(ctypes.byref(rest), _CHARS_UTF8, _IPA) or b"").decode())
        return " ".join(clause for clause in found if clause)

    def _set_voice(self, voice: VoiceSpec) -> None:
        if voice == self._voice:
            return
        if self._voice is None or voice.name != self._voice.name:
            self._voice = None
            if self._lib.espeak_SetVoiceByName(voice.name.encode()) != 0:
                raise EspeakError(f"espeak-ng has no voice {voice.name!r}")
        # Setting a voice resets its parameters, so that all of them are set again.
        for parameter, value in (
            (_RATE, voice.words_per_minute),
            (_PITCH, voice.pitch),
            (_RANGE, voice.pitch_range),
            (_WORD_GAP, voice.word_gap),
        ):
            self._lib.espeak_SetParameter(parameter, value, 0)
        self._voice = voice

    def _on_sound(self, wav: ctypes._Pointer[ctypes.c_short], n: int, events: ctypes._Pointer[_Event]) -> int:
        sink = self._sink
        if sink is None:
            return 1
        words: list[int] = []
        index = 0
        while (event := events[index]).type != _EVENT_LIST_TERMINATED:
            if event.type == _EVENT_WORD:
                words.append(event.text_position - 1)
            index += 1
        samples = (
            np.ctypeslib.as_array(wav, (n,)).astype(np.int16, copy=True) if wav and n > 0 else np.empty(0, np.int16)
        )
        try:
            return 0 if sink(samples, words) else 1
        except Exception:
            return 1
