"""How close a lagging consumer is to the limits of the stream."""

import pytest

from gecholog.errors import NoAnswer
from gecholog.recordlog import RecordLog
from services.nats2log.lag import limit_ratio, measure


def limits(max_bytes=0, max_age=0.0):
    return RecordLog("S", ("a",), max_bytes, max_age, replicas=1, created="")


@pytest.mark.parametrize(
    ("log", "oldest", "age", "ratio"),
    [
        (limits(), 1, 1e9, 0.0),
        (limits(max_bytes=1000), 1, 0, 0.5),
        (limits(max_bytes=1000), 51, 0, 0.25),
        (limits(max_bytes=1000), 101, 0, 0.0),
        (limits(max_bytes=1000, max_age=100.0), 101, 90, 0.9),
    ],
)
def test_limit_ratio(log, oldest, age, ratio):
    """The nearer limit counts, whether bytes or age."""
    state = {"first_seq": 1, "last_seq": 100, "bytes": 500}
    assert limit_ratio(log, state, oldest, age) == ratio


def test_empty_stream():
    """An empty stream is far from its limits."""
    assert limit_ratio(limits(max_bytes=10), {"first_seq": 5, "last_seq": 4, "bytes": 0}, 5, 0) == 0


@pytest.mark.parametrize("nonsense", [b"", b"{}", b"[]", b"x", b'{"num_pending":"1","num_ack_pending":2}'])
async def test_someone_else_answers(nonsense):
    """A reply that does not come from JetStream is an error."""

    class Stranger:
        async def request(self, subject, data, timeout):  # noqa: ASYNC109 - the bus's own
            return nonsense

    with pytest.raises(NoAnswer):
        await measure(Stranger(), "S", "C")
