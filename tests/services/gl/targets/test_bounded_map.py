"""A map of limited size."""

from hypothesis import given
from hypothesis import strategies as st

from services.gl.targets.bounded_map import BoundedMap


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers())))
def test_keeps_what_was_written_last(writes):
    """Of each key the last value, of all keys the three that were written last."""
    bounded_map = BoundedMap(3)
    for key, value in writes:
        bounded_map[key] = value
    order = list(dict.fromkeys(key for key, _ in reversed(writes)))[:3]
    assert dict(bounded_map.items()) == {key: dict(writes)[key] for key in order}
    assert len(bounded_map) == len(order)


def test_pop():
    """A key is removed once; one that is missing gives None."""
    bounded_map = BoundedMap()
    bounded_map["a"] = 1
    assert (bounded_map.pop("a"), bounded_map.pop("a"), bounded_map.get("a")) == (1, None, None)
