"""Responses that do not come straight from a target."""

from services.gl.responses.response import LocalResponse, PrefetchedResponse
from tests.services.gl.rig.stage import FakeResponse


async def pieces_of(response):
    pieces = []
    while piece := await response.read():
        pieces.append(piece)
    return pieces


async def test_local_answer():
    """A body of our own is one piece of known size, read once."""
    response = LocalResponse(200, b"body")
    assert response.length == 4
    assert await pieces_of(response) == [b"body"]
    assert await response.read() == b""


async def test_large_local_answer():
    """A large body comes in pieces: other calls have their turn between them."""
    body = bytes(range(256)) * 4000
    response = LocalResponse(200, body)
    assert response.length == len(body)
    pieces = await pieces_of(response)
    assert b"".join(pieces) == body
    assert max(map(len, pieces)) == 256 * 1024


async def test_local_answer_that_nobody_wants():
    """After `abandon` there is nothing to read."""
    response = LocalResponse(200, b"body")
    response.abandon()
    assert await response.read() == b""


async def test_read_ahead():
    """What was read already comes again, then the rest; the head is that of the response."""
    response = FakeResponse(201, pieces=[b"three", b"four"])
    ahead = PrefetchedResponse([b"one", b"two"], response)
    assert (ahead.status, ahead.headers) == (201, response.headers)
    assert await pieces_of(ahead) == [b"one", b"two", b"three", b"four"]


async def test_read_ahead_that_nobody_wants():
    """`abandon` reaches the response behind it."""
    response = FakeResponse(pieces=[b"more"])
    ahead = PrefetchedResponse([b"one"], response)
    ahead.abandon()
    assert response.abandoned
