"""The tutorials are copied to the user's folder and never overwrite the user's changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime_nb import tutorials


def test_copies_every_tutorial_and_names_the_first(tmp_path: Path) -> None:
    copied = tutorials.copy_tutorials(tmp_path / "new" / "folder")
    assert copied.first == tmp_path / "new" / "folder" / "01_first_conversation.ipynb"
    assert copied.first in copied.written
    assert {path.suffix for path in copied.first.parent.iterdir()} == {".ipynb"}, "the README's picture is not theirs"
    assert not copied.kept


def test_never_overwrites_a_changed_file(tmp_path: Path) -> None:
    first = tutorials.copy_tutorials(tmp_path).first
    first.write_text("mine")
    again = tutorials.copy_tutorials(tmp_path)
    assert first.read_text() == "mine"
    assert again.kept == (first,)
    assert not again.written


def test_a_second_copy_of_unchanged_files_does_nothing(tmp_path: Path) -> None:
    tutorials.copy_tutorials(tmp_path)
    again = tutorials.copy_tutorials(tmp_path)
    assert not again.written
    assert not again.kept


def test_error_without_tutorials_says_how_to_reinstall(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tutorials, "_IN_WHEEL", tmp_path / "a")
    monkeypatch.setattr(tutorials, "_IN_CHECKOUT", tmp_path / "b")
    with pytest.raises(FileNotFoundError, match="pip install --force-reinstall realtime-nb"):
        tutorials.tutorials_folder()
