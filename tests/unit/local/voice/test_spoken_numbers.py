import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.local.voice.spoken_numbers import digits_from_words, number_from_words, words_from_number


@given(st.integers(min_value=-999_999, max_value=999_999))
def test_whole_number_is_the_same_after_words_and_back(value: int) -> None:
    words = words_from_number(value).split()
    assert number_from_words(words) == (value, len(words))


@given(st.integers(min_value=0, max_value=9999).map(lambda n: n / 100))
def test_decimal_is_the_same_after_words_and_back(value: float) -> None:
    found = number_from_words(words_from_number(value).split())
    assert found is not None
    assert found[0] == pytest.approx(value)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("set the slider to twenty five", "set the slider to 25"),
        ("a hundred and one dalmatians", "101 dalmatians"),
        ("nineteen eighty four", "1984"),
        ("minus five degrees", "-5 degrees"),
        ("two point five", "2.5"),
        ("two and a half", "2.5"),
        ("count from three to nine", "count from 3 to 9"),
        ("this one", "this one"),
        ("a dog and a cat", "a dog and a cat"),
        ("three thousand two hundred", "3200"),
        ("five plus seven", "5 plus 7"),
    ],
)
def test_spoken_numbers_become_digits(said: str, written: str) -> None:
    assert digits_from_words(said) == written


@given(st.text(max_size=60))
def test_any_text_can_be_converted(text: str) -> None:
    digits_from_words(text)
