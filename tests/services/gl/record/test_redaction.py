"""Masks in texts and in JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gl.record import redaction
from services.gl.record.redaction import MASK, TooSlow, compiled, masked_json, masked_text

CARD = (compiled(r"\d{4}[ -]?\d{4}"),)
WORD = (compiled("(?i)secret"),)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b'{"a": "my secret, Secret"}', f'{{"a": "my {MASK}, {MASK}"}}'),
        (b'{"a":"s\\u0065cret","n":1.10}', f'{{"a":"{MASK}","n":1.10}}'),
        (b'{"secret": 1}', f'{{"{MASK}": 1}}'),
        (b'["\\"secret\\"", "\\\\secret\\n"]', f'["\\"{MASK}\\"", "\\\\{MASK}\\n"]'),
        (b'"secret"', f'"{MASK}"'),
        (b'{"arguments": "{\\"x\\": \\"s\\\\u0065cret\\"}"}', f'{{"arguments": "{{\\"x\\": \\"{MASK}\\"}}"}}'),
        (b'{"a": "\\ud83d secret"}', f'{{"a": "? {MASK}"}}'),
        (b"  [1, 2.50, true ]", "  [1, 2.50, true ]"),
    ],
)
def test_json(data, shown):
    """Escapes are decoded before the search, and what does not match keeps its bytes."""
    assert masked_json(data, WORD).decode() == shown


def test_numbers():
    """A number that matches becomes a string."""
    assert masked_json(b'{"card": 41111111, "n": [4111, -5e3]}', CARD).decode() == (
        f'{{"card": "{MASK}", "n": [4111, -5e3]}}'
    )


@given(JSON)
def test_json_stays_json(value):
    """Whatever matches: the record can be read, and has no match left."""
    patterns = (compiled("[a-m0-4]"), compiled('["{]'))
    shown = json.loads(masked_json(json.dumps(value).encode(), patterns))
    assert not found_in(shown, "abcdefghijklm01234")


def found_in(value, letters) -> bool:
    if isinstance(value, dict):
        return any(found_in(item, letters) for pair in value.items() for item in pair)
    if isinstance(value, list):
        return any(found_in(item, letters) for item in value)
    text = "" if value is None or isinstance(value, bool) else str(value).replace(MASK, "")
    return any(letter in text for letter in letters)


@given(JSON, st.booleans())
def test_without_a_match_nothing_changes(value, is_ascii):
    data = json.dumps(value, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    assert masked_json(data, (compiled("\\x{10FFFD}{7}"),)) == data


@given(st.text())
def test_text(text):
    assert "e" not in masked_text(text, (compiled("e"),)).replace(MASK, "")


def test_a_search_that_takes_too_long_ends(monkeypatch):
    """A hostile payload makes a search after each match long. It is given up, and the caller hides the payload."""
    monkeypatch.setattr(redaction, "_LIMIT_S", -1.0)
    with pytest.raises(TooSlow):
        masked_text("x" * 1000, (compiled("(x)(?:.*y)?"),))


@pytest.mark.parametrize("expression", ["(", "a**", "(?=x)", r"(x)\1", "", "a*", "^"])
def test_wrong_patterns(expression):
    """What RE2 does not know, and what matches nothing at all."""
    with pytest.raises(ValueError, match="must"):
        compiled(expression)
