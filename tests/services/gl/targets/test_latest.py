"""A map of limited size."""

from hypothesis import given
from hypothesis import strategies as st

from services.gl.targets.latest import Latest


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers())))
def test_keeps_what_was_written_last(writes):
    """Of each key the last value, of all keys the three that were written last."""
    latest = Latest(3)
    for key, value in writes:
        latest[key] = value
    order = list(dict.fromkeys(key for key, _ in reversed(writes)))[:3]
    assert dict(latest.items()) == {key: dict(writes)[key] for key in order}
    assert len(latest) == len(order)


def test_pop():
    """A key is removed once; one that is missing gives None."""
    latest = Latest()
    latest["a"] = 1
    assert (latest.pop("a"), latest.pop("a"), latest.get("a")) == (1, None, None)
