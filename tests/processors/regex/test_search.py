"""The search for a pattern: compared with Python's for patterns that both support, and within its time limit."""

import json
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gecholog.rawjson import dumps
from processors.regex.search import SearchTooLong, compiled, section, sections

pytest.importorskip("re2", reason="google-re2 is not installed (the extra regex)")

LONG = 3600.0


def found(regex, *texts):
    return list(sections(compiled(regex), texts, LONG, time.monotonic))


@pytest.mark.parametrize(
    ("regex", "text", "expected"),
    [
        (r"```json\n([\s\S]*?)\n```", "a\n```json\n{}\n```\n```json\n[1]\n```", ["{}", "[1]"]),
        (r"\d+", "a1b22", ["1", "22"]),
        (r"a(b)?", "a ab", ["", "b"]),
        (r"(?P<first>.)(.)", "äöü😀", ["ä", "ü"]),
        (r"(?i)STOP", "stop", ["stop"]),
        (r"\pL+", "héé 1", ["héé"]),
        (r"x", "", []),
        (r"(.)", "\ud800", ["?"]),
    ],
)
def test_sections(regex, text, expected):
    """A match is the first group, or all of it without groups."""
    assert found(regex, text) == expected


def test_several_texts():
    """A match does not extend across the end of a text."""
    assert found("(ab|c)", "a", "b c", "ab") == ["c", "ab"]


@settings(deadline=None)
@given(st.text(alphabet="abc\n ü", max_size=30), st.sampled_from(["a+", "(a|b)c", "a(b*)c?", "[^a]+", "(ü).?", "b*"]))
def test_as_python(text, regex):
    """For patterns that both support, it finds what Python finds, except for empty matches after others."""
    expected = [match.group(min(match.re.groups, 1)) for match in re.finditer(regex, text)]
    assert [each for each in found(regex, text) if each] == [each for each in expected if each]


@pytest.mark.parametrize("regex", ["(", "(?=x)", r"(a)\1", "a{2000}", "[", "secret("])
def test_refused(regex):
    """A pattern that RE2 does not support is refused with a message that does not repeat it."""
    with pytest.raises(ValueError, match="must be a regular expression in RE2 syntax") as caught:
        compiled(regex)
    assert "secret" not in str(caught.value)


def test_no_backtracking():
    """Patterns that take Python's engine years are fast."""
    text = "a" * 100_000 + "!"
    for regex in ("(a+)+$", "(a|a)*b", "(.*a){12}x", "^(([a-z])+.)+[A-Z]([a-z])+$"):
        assert found(regex, text) == []


def test_too_long():
    """Many searches in a row may be slow: the time limit ends them."""
    ticks = iter(range(1000))
    with pytest.raises(SearchTooLong):
        list(sections(compiled(r"(x)(?:[\s\S]*y)?"), ["x" * 100_000], 10.0, lambda: float(next(ticks))))
    assert next(ticks) < 20


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{}", {}),
        ('{\n "a": [1, 2.50]}', {"a": [1, 2.5]}),
        ("3", 3),
        ("null", None),
        ("", None),
        ("{", None),
        ("{} {}", None),
    ],
)
def test_section(text, value):
    """A section of JSON is added as an object too, if configured."""
    assert json.loads(dumps(section(text, match_json=True))) == {"text": text, "object": value}
    assert section(text, match_json=False) == {"text": text, "object": None}


@given(st.text())
def test_any_section(text):
    """A section can be written, whatever it contains."""
    clean = text.encode("utf-8", "replace").decode()
    assert json.loads(dumps(section(clean, match_json=True)))["text"] == clean
