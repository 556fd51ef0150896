"""Acknowledgement subjects."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.ack_subject import AckSubject

EXPECTED = AckSubject("GECHOLOG", 2, 47, 48, "1700000000000000000", 5)


@pytest.mark.parametrize(
    "subject",
    [
        "$JS.ACK.GECHOLOG.nats2file.2.47.48.1700000000000000000.5",
        "$JS.ACK.domain.hash.GECHOLOG.nats2file.2.47.48.1700000000000000000.5",
        "$JS.ACK._.hash.GECHOLOG.nats2file.2.47.48.1700000000000000000.5.random",
    ],
)
def test_forms(subject):
    """The old form, and the newer ones with domain and account."""
    assert AckSubject.parse(subject) == EXPECTED
    assert EXPECTED.key == "47-1700000000000000000"


@pytest.mark.parametrize("subject", ["$JS.ACK.", "$JS.ACK.x.y", "$JS.ACK.KV_b.watch_1.1.x.7.1700000000000000000.3", ""])
def test_invalid_forms(subject):
    """Text that only looks like one is None."""
    assert AckSubject.parse(subject) is None


@given(st.text() | st.lists(st.text(), max_size=13).map(lambda parts: ".".join(["$JS", "ACK", *parts])))
def test_other_subjects(subject):
    """Anything else is None, and no error."""
    assert AckSubject.parse(subject) is None or subject.startswith("$JS.ACK.")
