from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from realtime_nb.audio import AudioClip
from realtime_nb.audio.wav import write_wav
from realtime_nb.replace_file import replace_file


def test_a_failure_keeps_the_old_file_and_leaves_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.wav"
    AudioClip(b"\1\0" * 10).save(file)
    old = file.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        AudioClip(b"\2\0" * 10).save(file)
    with pytest.raises(OSError, match="No space"):
        write_wav(file, b"\3\0" * 10)
    assert file.read_bytes() == old
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_keeps_its_permissions_and_a_new_one_gets_the_usual(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        replace_file(tmp_path / "new", b"1")
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
        (tmp_path / "new").chmod(0o604)
        replace_file(tmp_path / "new", b"2")
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o604
    finally:
        os.umask(old)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    replace_file(tmp_path / "link", b"1")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"1"


def test_a_long_name_and_a_missing_folder(tmp_path: Path) -> None:
    replace_file(tmp_path / ("x" * 250), b"1")
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "none" / "file", b"1")


def test_what_is_no_file_is_written_to(tmp_path: Path) -> None:
    replace_file("/dev/null", b"1")
    assert not Path("/dev/null").is_file()
