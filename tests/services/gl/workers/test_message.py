"""The messages between the parent and a worker."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gl.workers.message import Decoder, Message, encode

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3))
FIELDS = st.dictionaries(st.text(max_size=8), JSON, max_size=4)


@given(st.lists(st.tuples(FIELDS, st.integers(0, 8)), max_size=5), st.integers(1, 50))
def test_any_pieces(messages, size):
    """What is encoded is decoded, however the bytes arrive."""
    data = b"".join(encode(fields, sockets) for fields, sockets in messages)
    decoder = Decoder()
    pieces = [data[begin : begin + size] for begin in range(0, len(data), size)]
    assert [one for piece in pieces for one in decoder.feed(piece)] == [Message(*one) for one in messages]


@pytest.mark.parametrize("data", [b"\xff" * 8, b"\0\0\0\x02\xff{}", b"\0\0\0\x02\0[]"])
def test_no_message(data):
    """Other bytes are refused."""
    with pytest.raises(ValueError, match="not a message"):
        list(Decoder().feed(data))


def test_too_many_sockets():
    """A message carries a few sockets only."""
    with pytest.raises(ValueError, match="too long"):
        encode({}, 9)
