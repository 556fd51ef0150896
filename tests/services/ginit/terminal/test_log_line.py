"""Entries of the system log as lines for people."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ginit.terminal.log_line import clock, log_line, printable
from services.ginit.terminal.palette import Palette

PLAIN = Palette(enabled=False)


def entry(**fields):
    return {"time": "2026-01-01T12:01:03.000000000Z", "level": "INFO", "msg": "ready", "service": "gl"} | fields


def test_line_of_an_entry(monkeypatch):
    """Time of day, service, message, fields; what only machines want is left out."""
    line = log_line(entry(file="/a/b", sha256="ff", waiting=3), PLAIN)
    assert line.split("  ", 1)[0][8:] == " gl"
    assert line.endswith("ready  file=/a/b  waiting=3")


@pytest.mark.parametrize(("level", "word"), [("WARN", "warning: "), ("ERROR", "error: "), ("INFO", "")])
def test_level_is_a_word(level, word):
    """Colour is not all that tells a warning from a word."""
    assert f" {word}ready" in log_line(entry(level=level), PLAIN)


def test_traceback_follows():
    """A fault of ours is shown whole."""
    assert log_line(entry(traceback="one\ntwo"), PLAIN).splitlines()[1:] == ["one", "two"]


@given(st.text(), st.text())
def test_no_text_steers_the_terminal(message, value):
    """Escape sequences in a message or a field are shown, not obeyed."""
    line = log_line(entry(msg=message, field=value), PLAIN)
    assert all(letter.isprintable() for letter in line)


def test_colours_wrap_and_do_not_change_the_text():
    """Without its colours a coloured line is the plain one."""
    shown = log_line(entry(level="ERROR"), Palette(enabled=True))
    assert "\x1b[31m" in shown
    assert shown.replace("\x1b[31m", "").replace("\x1b[2m", "").replace("\x1b[0m", "") == log_line(
        entry(level="ERROR"), PLAIN
    )


@pytest.mark.parametrize("time", [None, "", "yesterday", 7])
def test_clock_of_no_time(time):
    """The columns stay where they are."""
    assert clock(time) == " " * 8


def test_long_values_are_cut():
    """A field never fills the screen."""
    assert len(log_line(entry(field="x" * 10_000), PLAIN)) < 300


def test_values_that_are_no_text():
    """They are shown as JSON."""
    assert printable(json.dumps(["a"])) in log_line(entry(names=["a"]), PLAIN)


@pytest.mark.parametrize(
    ("environ", "enabled"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colours_can_be_switched_off(environ, enabled):
    """By NO_COLOR, and by a terminal that has none."""
    assert Palette.of(environ).enabled is enabled
