"""The tokenizer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dummy.tokens import count, split


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        ("Hello there, world!", ["Hello", " there", ",", " world", "!"]),
        ("internationalisation", ["internatio", "nalisation"]),
        ("größer \n", ["größer", " \n"]),
        ("  \n", ["  \n"]),
        ("a\n\nb", ["a", "\n\nb"]),
    ],
)
def test_split(text, tokens):
    """Words are split after ten letters, signs stand alone, and white space belongs to what follows it."""
    assert split(text) == tokens


@given(st.text())
def test_nothing_is_lost(text):
    """The tokens of a text, joined, are the text."""
    assert "".join(split(text)) == text
    assert count(text) == len(split(text))


@given(st.text(), st.integers(0, 20))
def test_a_beginning_counts_what_it_has(text, number):
    """The first tokens of a text, joined, have that many tokens."""
    parts = split(text)[:number]
    assert split("".join(parts)) == parts
