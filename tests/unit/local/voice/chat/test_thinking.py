from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.local.voice.chat.thinking import ThinkingFilter
from tests.unit.local.voice.chat.cuts import cut_anywhere


def _said(pieces: list[str], *, begins_inside: bool = False) -> str:
    thinking = ThinkingFilter(begins_inside=begins_inside)
    return "".join([*(thinking.feed(piece) for piece in pieces), thinking.end()])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<think>hm</think>Hello.", "Hello."),
        ("<think>\nhm\n</think>\n\nHello.", "Hello."),
        ("<thinking>hm</thinking> Hello.", "Hello."),
        ("[THINK]hm[/THINK]Hello.", "Hello."),
        ("<think></think>\n\nHello.", "Hello."),
        ("<think>never ends", ""),
        ("<think>cut in its end</thi", ""),
        ("Yes.\n<think>hm</think>\nNo.", "Yes.\nNo."),
        ("  <think>hm</think>Hello.", "  Hello."),
        ("Use the <think> tag.", "Use the <think> tag."),
        ("Write <think>a</think> and </think>b.", "Write <think>a</think> and b."),
        ("a < b and [c]", "a < b and [c]"),
        ("Half a tag <thin", "Half a tag <thin"),
        ("<think>a</think><think>b</think>c", "c"),
        ("<think>a <think> b</think>c", "c"),
        ("It began in the prompt.</think>Hello.", "It began in the prompt.Hello."),
        ("<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Hello.", "Hello."),
        ("◁think▷hm◁/think▷Hello.", "Hello."),
        ("Hello.<|im_end|>\n<|im_start|>user\nAnd now?", "Hello."),
        ("<think>hm</think>Hello.<end_of_turn>", "Hello."),
        ("", ""),
    ],
)
def test_thoughts_are_removed(text: str, said: str) -> None:
    assert _said([text]) == said
    assert _said(list(text)) == said


def test_answer_that_begins_inside_a_thought() -> None:
    assert _said(["hm, ", "hm</th", "ink>\n\n", "Hello."], begins_inside=True) == "Hello."
    assert _said(["<think>hm</think>Hello."], begins_inside=True) == "Hello."
    assert _said(["No thought ", "at all."], begins_inside=True) == "No thought at all."


def test_end_without_a_beginning_is_noted() -> None:
    thinking = ThinkingFilter()
    thinking.feed("hm</think>Hello.")
    assert thinking.stray_end
    assert thinking.thought


def test_tags_that_an_answer_is_about_do_not_hold_the_next_answer() -> None:
    thinking = ThinkingFilter()
    assert thinking.feed("Use <think>...</think> here.") == "Use <think>...</think> here."
    assert not thinking.stray_end
    assert not thinking.thought


_PARTS = [
    "<think>",
    "</think>",
    "<|im_end|>",
    "<|end|>",
    "<|channel|>final",
    "<|message|>",
    "<thinking>",
    "</thinking>",
    "[THINK]",
    "[/THINK]",
    "<",
    "[",
    "\n",
    " ",
    "word",
    "é",
]
_TEXTS = st.lists(st.sampled_from(_PARTS), max_size=12).map("".join)


@given(cut_anywhere(_TEXTS), st.booleans())
def test_cuts_change_nothing(pieces: list[str], begins_inside: bool) -> None:
    assert _said(pieces, begins_inside=begins_inside) == _said(["".join(pieces)], begins_inside=begins_inside)


@given(cut_anywhere(st.text(alphabet="ab \n.,é")))
def test_other_text_is_unchanged_and_not_delayed(pieces: list[str]) -> None:
    thinking = ThinkingFilter()
    assert [thinking.feed(piece) for piece in pieces] == pieces
