"""Entries of the journal: what was written is read, what is torn ends a segment."""

from hypothesis import given
from hypothesis import strategies as st

from services.gl.records.entry import ACCEPTED, FINAL, HEAD_SIZE, RELEASED, entries, head

records = st.lists(
    st.tuples(
        st.sampled_from([ACCEPTED, FINAL, RELEASED]), st.binary(min_size=16, max_size=16), st.binary(max_size=80)
    ),
    max_size=6,
)


def written(items):
    return b"".join(head(kind, record_id, len(data)) + data for kind, record_id, data in items)


def read(segment):
    return [
        (entry.kind, entry.record_id, segment[entry.offset : entry.offset + entry.size]) for entry in entries(segment)
    ]


@given(records)
def test_round_trip(items):
    """Everything that was written is read, in order."""
    assert read(written(items)) == items


@given(records, st.data())
def test_torn(items, data):
    """A segment that was cut off anywhere gives its whole entries."""
    segment = written(items)
    cut = data.draw(st.integers(0, len(segment)))
    found = read(segment[:cut])
    assert found == items[: len(found)]
    ends = [len(written(items[: number + 1])) for number in range(len(items))]
    assert len(found) == sum(end <= cut for end in ends)


@given(records.filter(len), st.data())
def test_flipped_head(items, data):
    """A changed byte of a head is noticed: reading ends before it."""
    segment = bytearray(written(items))
    number = data.draw(st.integers(0, len(items) - 1))
    at = len(written(items[:number])) + data.draw(st.integers(0, HEAD_SIZE - 1))
    segment[at] ^= data.draw(st.integers(1, 255))
    assert read(bytes(segment)) == items[:number]


@given(st.binary(max_size=200))
def test_rubbish(data):
    """Anything may stand in a file."""
    assert isinstance(read(data), list)
