"""Vectors."""

import math

from hypothesis import given
from hypothesis import strategies as st

from services.dummy.embedding import vector


@given(st.text(), st.integers(1, 300))
def test_vector(text, dimensions):
    """A vector has the requested dimensions, and length 1."""
    tool_call = vector(text, dimensions)
    assert len(tool_call) == dimensions
    assert math.isclose(math.hypot(*tool_call), 1)


def test_deterministic():
    """The same text has the same vector, another text another."""
    assert vector("a", 8) == vector("a", 8) != vector("b", 8)
