"""What holds for streams of every dialect."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog import llm, rawjson
from tests.gecholog.llm.samples import CALM, CHAT_FOLDED, NDJSON, SSE, STREAMS, chunk, sse

TYPES = st.sampled_from([SSE, NDJSON, "application/json-seq", ""])


def writable(answer):
    return answer is None or (isinstance(answer, dict) and rawjson.is_json(rawjson.dumps(answer)))


@CALM
@given(st.binary(), TYPES, st.booleans())
def test_any_bytes(data, content_type, completed):
    """Nothing raises, and what comes out is JSON."""
    assert writable(llm.fold(data, content_type, completed=completed))
    assert writable(llm.fold_array(data))


@CALM
@given(st.sampled_from(sorted(STREAMS)), st.data(), st.booleans())
def test_damaged_streams(name, data, completed):
    """Neither does any damage to a stream: bytes cut out, doubled, replaced."""
    body, content_type = STREAMS[name]
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(body)))
        end = data.draw(st.integers(start, min(start + 200, len(body))))
        body = body[:start] + data.draw(st.binary(max_size=4) | st.just(body[start:end] * 2)) + body[end:]
    assert writable(llm.fold(body, content_type, completed=completed))
    assert writable(llm.fold_array(body))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def places(value, path=()):
    """The paths to all values inside a JSON value."""
    yield path
    for name, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(item, (*path, name))


def replaced(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@CALM
@given(st.sampled_from(sorted(STREAMS)), st.data(), JSON_VALUES, st.booleans())
def test_values_of_other_types(name, data, new, completed):
    """Nor any value in place of another."""
    body, content_type = STREAMS[name]
    values = [event.value for event in llm.framing.events_of(body, content_type)] or json.loads(body)
    number = data.draw(st.integers(0, len(values) - 1))
    values[number] = replaced(values[number], data.draw(st.sampled_from(list(places(values[number])))), new)
    assert writable(llm.fold(sse(*values), SSE, completed=completed))
    assert writable(llm.fold_array(json.dumps(values).encode()))


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_line_ends(name):
    """The ends of lines make no difference."""
    body, content_type = STREAMS[name]
    expected = llm.fold(body, content_type, completed=True)
    assert expected is not None
    assert llm.fold(body.replace(b"\n", b"\r\n"), content_type, completed=True) == expected
    assert llm.fold(body.replace(b"\n", b"\r"), content_type, completed=True) == expected


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_every_prefix(name):
    """A stream that is cut off anywhere gives an answer as soon as its first event is whole, and never loses it."""
    body, content_type = STREAMS[name]
    known = [llm.fold(body[:size], content_type, completed=False) is not None for size in range(len(body) + 1)]
    assert known[-1]
    assert all(after or not before for before, after in pairwise(known))


@CALM
@given(st.lists(st.text(min_size=1), min_size=1), st.booleans())
def test_however_it_is_cut(pieces, done):
    """A text folds to itself, however the model cut it."""
    body = sse(*[chunk({"content": piece}) for piece in pieces], done=done)
    message = llm.fold(body, SSE, completed=True)["choices"][0]["message"]
    assert message == {"content": "".join(pieces)}


def test_comments_in_between():
    """Comments and the missing end change nothing."""
    body = STREAMS["chat"][0].replace(b"data: [DONE]\n\n", b"").replace(b"\n\n", b"\n\n: ping\n\n")
    assert llm.fold(body, SSE, completed=True) == CHAT_FOLDED


@pytest.mark.parametrize(
    "body", [b"", b"data: hello\n\n", b'data: {"type":"thread.created"}\n\n', b'data: {"a":1}\n\n']
)
def test_unknown_dialects(body):
    """What no dialect knows is not folded."""
    assert llm.fold(body, SSE, completed=True) is None


@pytest.mark.parametrize("depth", [200, 300, 900, 5000])
def test_deep_values(depth):
    """What is nested deeper than a record can hold is not folded."""
    deep = b'{"a":' * depth + b"1" + b"}" * depth
    body = sse(chunk({"content": "x"})) + b'data: {"choices":[{"delta":{"extra":' + deep + b"}}]}\n\n"
    answer = llm.fold(body + body, SSE, completed=True)
    assert answer is None or writable(answer)
