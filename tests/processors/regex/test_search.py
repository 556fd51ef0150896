"""The search for a pattern: against Python's own for patterns that both know, and in time."""

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
    """The first group of each match, or all of it."""
    assert found(regex, text) == expected


def test_several_texts():
    """What is in one text does not match across its end."""
    assert found("(ab|c)", "a", "b c", "ab") == ["c", "ab"]


@settings(deadline=None)
@given(st.text(alphabet="abc\n ü", max_size=30), st.sampled_from(["a+", "(a|b)c", "a(b*)c?", "[^a]+", "(ü).?", "b*"]))
def test_as_python(text, regex):
    """Where both know the pattern, it finds what Python finds; empty matches behind others apart."""
    expected = [match.group(min(match.re.groups, 1)) for match in re.finditer(regex, text)]
    assert [each for each in found(regex, text) if each] == [each for each in expected if each]


@pytest.mark.parametrize("regex", ["(", "(?=x)", r"(a)\1", "a{2000}", "[", "secret("])
def test_refused(regex):
    """What is no RE2 is refused with a sentence that does not repeat it."""
    with pytest.raises(ValueError, match="must be a regular expression in RE2 syntax") as caught:
        compiled(regex)
    assert "secret" not in str(caught.value)


def test_no_backtracking():
    """Patterns that take Python's engine years are nothing to it."""
    text = "a" * 100_000 + "!"
    for regex in ("(a+)+$", "(a|a)*b", "(.*a){12}x", "^(([a-z])+.)+[A-Z]([a-z])+$"):
        assert found(regex, text) == []


def test_too_long():
    """One search after the other may take long all the same: there the time limit ends it."""
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
    """A section that is JSON is an object, too, if that is wanted."""
    assert json.loads(dumps(section(text, match_json=True))) == {"text": text, "object": value}
    assert section(text, match_json=False) == {"text": text, "object": None}


@given(st.text())
def test_any_section(text):
    """A section can be written whatever is in it."""
    clean = text.encode("utf-8", "replace").decode()
    assert json.loads(dumps(section(clean, match_json=True)))["text"] == clean
