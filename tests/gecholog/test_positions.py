"""Where the values of a JSON text stand."""

import json

from hypothesis import given
from hypothesis import strategies as st

from gecholog.positions import line_of, locate

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)
BLANKS = st.text(" \t\r\n", max_size=3)


@st.composite
def texts(draw):
    """A JSON value, and a text of it with any white space between its tokens and any escapes in its strings."""
    value = draw(JSON)
    return value, draw(BLANKS) + write(draw, value) + draw(BLANKS)


def write(draw, value):
    def gap():
        return draw(BLANKS)

    if isinstance(value, dict):
        members = [
            f"{gap()}{write(draw, name)}{gap()}:{gap()}{write(draw, item)}{gap()}" for name, item in value.items()
        ]
        return "{" + (",".join(members) or gap()) + "}"
    if isinstance(value, list):
        return "[" + (",".join(f"{gap()}{write(draw, item)}{gap()}" for item in value) or gap()) + "]"
    return json.dumps(value, ensure_ascii=draw(st.booleans()))


def leaves(value, path=()):
    """Every value inside a value, by its path."""
    yield path, value
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, (*path, name))
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))


@given(texts())
def test_locate_agrees_with_the_parser(case):
    """Every value is found by its path, and the text at its place is that value; nothing else is found."""
    value, text = case
    assert json.loads(text) == value
    spans = locate(text)
    found = {path: json.loads(text[start:end]) for path, (start, end) in spans.items()}
    assert found == dict(leaves(value))
    assert all(text[start:end] == text[start:end].strip(" \t\r\n") for start, end in spans.values())


@given(st.text("ab\n"), st.data())
def test_line_of(text, data):
    """Lines count from 1, and a line break belongs to the line that it ends."""
    offset = data.draw(st.integers(0, len(text)))
    assert line_of(text, offset) == len(text[:offset].split("\n"))


def test_a_name_that_comes_twice():
    """As for the parser, the last one counts."""
    text = '{"a": 1, "a": [2]}'
    assert locate(text)["a",] == (14, 17)
