"""Answers that do not come straight from a target."""

from services.gl.responses import LocalResponse, PrefetchedResponse
from tests.services.gl.rig.stage import FakeAnswer


async def pieces_of(answer):
    pieces = []
    while piece := await answer.read():
        pieces.append(piece)
    return pieces


async def test_local_answer():
    """A body of our own is one piece of known size, read once."""
    answer = LocalResponse(200, b"body")
    assert answer.length == 4
    assert await pieces_of(answer) == [b"body"]
    assert await answer.read() == b""


async def test_large_local_answer():
    """A large body comes in pieces: other calls have their turn between them."""
    body = bytes(range(256)) * 4000
    answer = LocalResponse(200, body)
    assert answer.length == len(body)
    pieces = await pieces_of(answer)
    assert b"".join(pieces) == body
    assert max(map(len, pieces)) == 256 * 1024


async def test_local_answer_that_nobody_wants():
    """After `abandon` there is nothing to read."""
    answer = LocalResponse(200, b"body")
    answer.abandon()
    assert await answer.read() == b""


async def test_read_ahead():
    """What was read already comes again, then the rest; the head is that of the answer."""
    answer = FakeAnswer(201, pieces=[b"three", b"four"])
    ahead = PrefetchedResponse([b"one", b"two"], answer)
    assert (ahead.status, ahead.headers) == (201, answer.headers)
    assert await pieces_of(ahead) == [b"one", b"two", b"three", b"four"]


async def test_read_ahead_that_nobody_wants():
    """`abandon` reaches the answer behind it."""
    answer = FakeAnswer(pieces=[b"more"])
    ahead = PrefetchedResponse([b"one"], answer)
    ahead.abandon()
    assert answer.abandoned
