from __future__ import annotations

import numpy as np
import pytest

from realtime_nb.audio import g711
from realtime_nb.errors import AudioError

EVERY_CODE = bytes(range(256))


@pytest.mark.parametrize("law", ["pcmu", "pcma"])
def test_decoding_and_encoding_returns_every_code(law: g711.Law) -> None:
    back = g711.encode(g711.decode(EVERY_CODE, law), law)
    # mu-law has two zeros; the negative one comes back as the positive one.
    assert back == (EVERY_CODE.replace(b"\x7f", b"\xff") if law == "pcmu" else EVERY_CODE)


@pytest.mark.parametrize("law", ["pcmu", "pcma"])
def test_the_error_stays_within_half_a_step_of_the_segment(law: g711.Law) -> None:
    samples = np.arange(-32768, 32768).astype(np.int16)
    error = np.abs(g711.decode(g711.encode(samples, law), law).astype(int) - samples)
    assert (error <= np.maximum(np.abs(samples.astype(int)) / 16, 16)).all()


# Values from the tables of ITU-T G.711 (as in the standard library's former audioop).
@pytest.mark.parametrize(
    ("law", "sample", "code"),
    [
        ("pcmu", 0, 0xFF),
        ("pcmu", -32768, 0x00),
        ("pcmu", 32767, 0x80),
        ("pcmu", 1000, 0xCE),
        ("pcma", 0, 0xD5),
        ("pcma", -32768, 0x2A),
        ("pcma", 32767, 0xAA),
        ("pcma", 1000, 0xFA),
    ],
)
def test_known_samples_encode_to_the_codes_of_the_standard(law: g711.Law, sample: int, code: int) -> None:
    assert g711.encode(np.array([sample], np.int16), law) == bytes([code])


def test_unknown_law_is_named_in_the_error() -> None:
    with pytest.raises(AudioError, match="'mp3'"):
        g711.encode(b"\0\0", "mp3")  # type: ignore[arg-type]
