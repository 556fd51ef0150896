"""The tokenizer without a vocabulary."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.llm.pieces import count, pieces
from processors.tokenizer.pieces import load


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Who were the founders?", ["Who", " were", " the", " founders", "?"]),
        ("internationalization", ["internat", "ionaliza", "tion"]),
        (" founders' ", [" founders", "'", " "]),
        ("1234567", ["123", "456", "7"]),
        ("in 2024", ["in", " 202", "4"]),
        ("a\n\n  b", ["a", "\n\n", "  ", "b"]),
        ("}});\n", ["}});", "\n"]),
        ("snake_case", ["snake", "_", "case"]),
        ("größer", ["größ", "er"]),
        ("世界", ["世", "界"]),
        ("\u042f\u0449\u0435\u0440\u043a\u0430", ["\u042f\u0449\u0435", "\u0440\u043a\u0430"]),
    ],
)
def test_pieces(text, expected):
    """Pieces are words with the preceding space, numbers, signs and white space. Long words are split."""
    assert list(pieces(text)) == expected


@given(st.text())
def test_nothing_is_lost(text):
    """The pieces, joined, are the text, and none is empty."""
    found = list(pieces(text))
    assert "".join(found) == text
    assert all(found)
    assert count(text) == len(found)


@given(st.text(), st.text())
def test_more_text_is_not_fewer_pieces(first, second):
    """A text has at least as many pieces as its part before a line break."""
    assert count(first + "\n" + second) >= count(first)


@pytest.mark.parametrize("sign", ["a", " ", "1", "_", "é", "\n", "世", "'"])
def test_long(sign):
    """A text that repeats one character a million times takes little time."""
    assert 1 <= count(sign * 1_000_000) <= 1_000_000


def test_name():
    """It is in the record under its name."""
    assert load().name == "pieces"
