"""Text from outside cannot control a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ginit.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("grün, 漢字 🙂", "grün, 漢字 🙂"),
        ("\x1b[2J", "\\x1b[2J"),
        ("one\r\ntwo\t", "one\\r\\ntwo\\t"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        (7, "7"),
        (None, "None"),
    ],
)
def test_control_characters_are_escaped(text, shown):
    assert printable(text) == shown


@given(st.text())
def test_nothing_else_is_left(text):
    assert printable(text).isprintable()
