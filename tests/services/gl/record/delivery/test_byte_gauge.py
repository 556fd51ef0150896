"""Bytes of records in flight."""

from hypothesis import given
from hypothesis import strategies as st

from services.gl.record.delivery.byte_gauge import ByteGauge

steps = st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.integers(0, 50) | st.none()))


@given(steps)
def test_full(taken):
    """It is full while the latest sizes of the records in flight are more than the limit."""
    gauge, sizes = ByteGauge(60), {}
    for record_id, size in taken:
        if size is None:
            gauge.remove(record_id)
            sizes.pop(record_id, None)
        else:
            is_full = gauge.add(record_id, size)
            sizes[record_id] = size
            assert is_full == gauge.is_full
        assert gauge.is_full == (sum(sizes.values()) > 60)
