"""Transforms of bodies: however the pieces come, the same body comes out."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.llm import UsageFilter
from services.gl.bodies.transform import CaptureTap, Chain, apply_transform
from tests.services.gl.rig.transform import Rewording

CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"one two"}}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"total_tokens":7}}\n\n'


class Seen:
    """A capture that only remembers."""

    def __init__(self):
        self.body = b""

    def observe(self, piece):
        assert piece
        self.body += piece


def transform_of(kinds):
    """Transforms of these kinds, and the captures of those that are taps."""
    seen = []
    for kind in kinds:
        if kind == "tap":
            seen.append(Seen())
            yield CaptureTap(seen[-1])
        else:
            yield UsageFilter() if kind == "usage" else Rewording(*kind)


kinds = st.lists(st.sampled_from(["tap", "usage", (b"one", b"1"), (b"two", b"one"), (b"1", b"longer")]), max_size=4)
bodies = st.lists(st.sampled_from([CHUNK, USAGE, b": one\n", b"one", b"\n", b"two"]), max_size=8).map(b"".join)


@given(kinds=kinds, body=bodies, cuts=st.lists(st.integers(0, 400)))
def test_chain(kinds, body, cuts):
    """A chain does what its transforms do one after another, each with the whole body."""
    expected = body
    for transform in transform_of(kinds):
        expected = apply_transform(expected, transform)
    chain = Chain(tuple(transform_of(kinds)))
    places = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    out = b"".join([chain.feed(body[start:end]) for start, end in pairwise(places)])
    assert out + chain.flush() == expected
    assert chain.rewrites == any(isinstance(kind, tuple) for kind in kinds)


@given(body=bodies, cuts=st.lists(st.integers(0, 400)))
def test_tap(body, cuts):
    """A tap sees all that passes it, and changes nothing."""
    seen = Seen()
    chain = Chain((Rewording(b"one", b"1"), CaptureTap(seen), Rewording(b"1", b"one")))
    assert apply_transform(body, chain) == body.replace(b"1", b"one")
    assert seen.body == body.replace(b"one", b"1")


@pytest.mark.parametrize("body", [b"", CHUNK])
def test_no_transform(body):
    """Without one a body is what it was."""
    assert apply_transform(body, None) is body
    assert apply_transform(body, Chain(())) == body
