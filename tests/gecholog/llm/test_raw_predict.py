"""Anthropic's requests in the bytes that Vertex takes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.llm.raw_predict import for_raw_predict

VERSION = b'"anthropic_version":"vertex-2023-10-16"'
OWN = b'"anthropic_version": "own"'


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b'{"model": "c", "max_tokens": 1}', b"{" + VERSION + b', "max_tokens": 1}'),
        (b' { "max_tokens" : 1.0 ,\n "model" : "c" } ', b' { "max_tokens" : 1.0 ,\n ' + VERSION + b" } "),
        (b'{"a":{"model":"x"},"mod\\u0065l":"c","b":"model"}', b'{"a":{"model":"x"},' + VERSION + b',"b":"model"}'),
        (b'{"model":"c",' + OWN + b"}", b"{" + OWN + b"}"),
        (b"{" + OWN + b', "model":"c"}', b"{" + OWN + b"}"),
        (b'{"a":1, "model":"c", ' + OWN + b"}", b'{"a":1, ' + OWN + b"}"),
        (b'{"max_tokens": 1}', b'{"max_tokens": 1}'),
        (b"[1]", b"[1]"),
        (b"", b""),
    ],
)
def test_the_version_takes_the_place_of_the_model(body, wanted):
    """All other bytes stay; so does a version that the client wrote."""
    assert for_raw_predict(body) == wanted


names = st.sampled_from(["a", "b", "anthropic_version", "messages", "é"])
values = st.recursive(
    st.integers() | st.text(max_size=5) | st.none(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["model", "x"]), inner, max_size=2),
    max_leaves=4,
)


@given(
    st.lists(st.tuples(names, values), max_size=4, unique_by=lambda pair: pair[0]),
    st.integers(0, 4),
    st.sampled_from([None, 1]),
    st.booleans(),
)
def test_only_the_model_and_the_version_change(members, at, indent, is_ascii):
    """Whatever else there is, and wherever it stands."""
    rest = dict(members)
    whole = [*members[:at], ("model", "claude"), *members[at:]]
    body = json.dumps(dict(whole), indent=indent, ensure_ascii=is_ascii).encode()
    changed = for_raw_predict(body)
    assert json.loads(changed) == {"anthropic_version": "vertex-2023-10-16"} | rest
