"""The load of records that are under way."""

from hypothesis import given
from hypothesis import strategies as st

from services.gl.record.load import Load

steps = st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.integers(0, 50) | st.none()))


@given(steps)
def test_full(taken):
    """It is full while the latest sizes of the records that are under way are more than the limit."""
    load, sizes = Load(60), {}
    for record_id, size in taken:
        if size is None:
            load.drop(record_id)
            sizes.pop(record_id, None)
        else:
            is_full = load.put(record_id, size)
            sizes[record_id] = size
            assert is_full == load.is_full
        assert load.is_full == (sum(sizes.values()) > 60)
