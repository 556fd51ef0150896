"""Colours, for those who want them."""

import pytest

from services.ginit.terminal.palette import Palette


def test_colours():
    palette = Palette(enabled=True)
    shown = [colour("x") for colour in (palette.red, palette.green, palette.yellow, palette.dim, palette.bold)]
    assert shown == [f"\x1b[{code}mx\x1b[0m" for code in (31, 32, 33, 2, 1)]


def test_nothing_has_no_colour():
    """An empty field stays empty, so that lines can be trimmed."""
    assert Palette(enabled=True).red("") == ""


def test_no_colours():
    assert Palette(enabled=False).red("x") == "x"


@pytest.mark.parametrize(
    ("environ", "enabled"),
    [
        ({}, True),
        ({"NO_COLOR": ""}, True),
        ({"NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": "xterm"}, True),
    ],
)
def test_who_decides(environ, enabled):
    assert Palette.of(environ) == Palette(enabled=enabled)
