"""Acknowledgement subjects."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.nats2log.entry import Delivered, Entry

EXPECTED = Delivered("GECHOLOG", 2, 47, "1700000000000000000", 5)


@pytest.mark.parametrize(
    "reply",
    [
        "$JS.ACK.GECHOLOG.nats2file.2.47.48.1700000000000000000.5",
        "$JS.ACK.domain.hash.GECHOLOG.nats2file.2.47.48.1700000000000000000.5",
        "$JS.ACK._.hash.GECHOLOG.nats2file.2.47.48.1700000000000000000.5.random",
    ],
)
def test_forms(reply):
    """The old form, and the newer ones with domain and account."""
    assert Delivered.of(reply) == EXPECTED
    assert EXPECTED.key == "47-1700000000000000000"


@given(st.text() | st.lists(st.text(), max_size=13).map(lambda parts: ".".join(["$JS", "ACK", *parts])))
def test_other_subjects(reply):
    """Anything else is none, and no error."""
    assert Delivered.of(reply) is None or reply.startswith("$JS.ACK.")


def test_durable():
    """What can be acknowledged is kept by the record log."""
    assert Entry(b"", reply="x").durable
    assert not Entry(b"").durable
