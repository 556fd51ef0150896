"""Inbound: what the target answered goes into the record, held back only if someone wants to change it."""

import gzip

import pytest

from gecholog.headers import MASK
from gecholog.rawjson import Raw
from services.gl.errors import Refusal, UpstreamError
from services.gl.record import payload
from services.gl.stages import inbound
from tests.services.gl.rig.gateway import processor
from tests.services.gl.rig.stage import FakeResponse, built, call_of, deps, done


async def received(response, config=None):
    config = config or built()
    call = call_of(config, target_router=config.routers["/service/"], response=response)
    await done(inbound.receive(call, deps()))
    return call


def holding(limit=1024, **more):
    """A config with a synchronous response processor."""
    return built(response={"processors": [[processor("one", **more)]]}, limits={"response_buffer_bytes": limit})


async def whole(response):
    parts = []
    while piece := await response.read():
        parts.append(piece)
    return b"".join(parts)


async def test_head_goes_into_the_record():
    """Status and headers, masked where they have to be."""
    lines = [
        (b"set-cookie", b"a=secret"),
        (b"Set-Cookie", b"b=secret"),
        (b"X-A", b"1"),
        (b"Transfer-Encoding", b"chunked"),
    ]
    call = await received(FakeResponse(201, lines))
    assert call.response_section.fields == {
        "gl_path": "/service/",
        "inbound_status_code": 201,
        "inbound_headers": {"Set-Cookie": [MASK], "X-A": ["1"]},
    }
    assert call.inbound_headers["Set-Cookie"] == ["a=secret", "b=secret"]


async def test_nothing_is_held_back_without_need():
    """Without synchronous response processors the body is not touched."""
    response = FakeResponse(pieces=[b"one", b"two"])
    call = await received(response)
    assert call.inbound_body is None
    assert await whole(call.response) == b"onetwo"


async def test_body_is_held_back_for_a_processor():
    """With one the body is read, and is in the record."""
    call = await received(FakeResponse(pieces=[b'{"a"', b":1}"]), holding())
    assert call.inbound_body == b'{"a":1}'
    assert (
        call.response_section.fields["inbound_payload"] == call.response_section.fields["egress_payload"] == b'{"a":1}'
    )
    assert call.received


async def test_too_large_to_hold_back():
    """Above the limit the response is passed through whole, without the processors, and that is noted."""
    pieces = [b"x" * 1000] * 5
    call = await received(FakeResponse(pieces=list(pieces)), holding())
    assert call.inbound_body is None
    assert await whole(call.response) == b"".join(pieces)
    assert call.response.length == 5000
    assert [error["name"] for error in call.response_section.errors] == ["inbound_payload"]


async def test_exactly_the_limit_is_held_back():
    """The limit itself is allowed."""
    call = await received(FakeResponse(pieces=[b"x" * 1024]), holding())
    assert len(call.inbound_body) == 1024


async def test_too_large_for_a_required_processor():
    """A required processor that cannot see the response: 502, and the target is disconnected."""
    response = FakeResponse(pieces=[b"x" * 1000] * 5)
    with pytest.raises(Refusal) as caught:
        await received(response, holding(required=True))
    assert caught.value.status == 502
    assert response.abandoned


async def test_breaks_off_while_held_back():
    """Nothing has gone to the client yet: it gets a 502; the record says where it broke off."""
    response = FakeResponse(pieces=[b"12345", UpstreamError(502, "connection closed")])
    config = holding()
    call = call_of(config, target_router=config.routers["/service/"], response=response)
    with pytest.raises(Refusal) as caught:
        await done(inbound.receive(call, deps()))
    assert (caught.value.status, caught.value.text) == (502, "failure making request")
    assert call.response_section.errors[0] == {
        "name": "inbound_payload",
        "details": "broke off after 5 bytes: connection closed",
    }


async def test_too_slow_while_held_back():
    """A target that stops in the middle of a body that is held back is a time-out, 504."""
    config = holding()
    response = FakeResponse(pieces=[b"12345", UpstreamError(504, "no more data in time")])
    with pytest.raises(Refusal) as caught:
        await received(response, config)
    assert caught.value.status == 504


async def test_encoded_body_is_recorded_decoded():
    """The record shows what the bytes mean, the bytes stay."""
    body = gzip.compress(b'{"a":1}')
    lines = [(b"Content-Encoding", b"gzip"), (b"Content-Type", b"application/json")]
    call = await received(FakeResponse(lines=lines, pieces=[body]), holding())
    assert call.response_section.fields["inbound_payload"] == b'{"a":1}'
    assert call.inbound_body == body


async def test_body_that_cannot_be_decoded():
    """A wrong encoding is described by size and hash, and noted."""
    lines = [(b"Content-Encoding", b"br"), (b"Content-Type", b"text/plain")]
    call = await received(FakeResponse(lines=lines, pieces=[b"not brotli"]), holding())
    assert call.response_section.fields["inbound_payload"]["size"] == 10
    assert [error["name"] for error in call.response_section.errors] == ["inbound_payload"]


async def test_large_body_is_held_back_whole():
    """The work on it is done beside the event loop; what comes of it is the same."""
    pieces = [b'{"a":"'] + [b"x" * 100_000] * 6 + [b'"}']
    call = await received(FakeResponse(pieces=list(pieces)), holding(1 << 20))
    assert call.inbound_body == b"".join(pieces) == call.response_section.fields["inbound_payload"]
    assert isinstance(call.response_section.fields["inbound_payload"], Raw)
    assert not isinstance(call.response_section.fields["egress_payload"], payload.Truncated)
