"""Responses in the target's place: a processor's `control`, and echoes."""

import json

import pytest

from gecholog.headers import MASK
from gecholog.rawjson import Raw
from services.gl.errors import UpstreamError
from services.gl.stages import attempts
from services.gl.status import Status
from tests.services.gl.rig.gateway import router
from tests.services.gl.rig.stage import FakeRequest, FakeResponse, FakeUpstreams, arrived, built, call_of, deps


async def sent(targets, *, path="/service/", config=None, request=None, status=None, **written):
    call = call_of(config, request or FakeRequest(path=f"{path}x"), path=path)
    await arrived(call, deps())
    call.request_section.write(written)
    attempts.plan(call, deps())
    await attempts.run(call, deps(targets=targets, status=status))
    return call


async def whole(response):
    parts = []
    while piece := await response.read():
        parts.append(piece)
    return b"".join(parts)


async def test_target_is_called():
    """The target's response is the response."""
    targets = FakeUpstreams(FakeResponse(201))
    call = await sent(targets)
    assert call.response is targets.response
    assert targets.sent == [call.attempt.request]


@pytest.mark.parametrize(
    ("written", "body"), [(Raw(b'{"a": 1}'), b'{"a": 1}'), (Raw(b"null"), b"null"), (Raw(b'"text"'), b'"text"')]
)
async def test_control(written, body):
    """`control` in the request record is the response, whatever its value; nothing is called."""
    targets = FakeUpstreams()
    call = await sent(targets, control=written)
    assert targets.sent == []
    assert (call.response.status, call.response.content_type, await whole(call.response)) == (
        200,
        "application/json",
        body,
    )


def without_type(response):
    """The headers of an echo except those about its type."""
    return {name: values for name, values in response.headers.items() if "Content-Type" not in name}


async def test_echo():
    """An echo router gives back headers and body that would go out; nothing is called."""
    targets = FakeUpstreams()
    config = built([router("/echo/", "http://t", headers={"X-S": ["1"]})])
    request = FakeRequest(path="/echo/x", lines=[(b"X-A", b"\xe9")], body=b"\0bytes")
    call = await sent(targets, path="/echo/", config=config, request=request)
    assert targets.sent == []
    assert without_type(call.response) == {"X-A": ["\udce9"], "X-S": ["1"]}
    assert await whole(call.response) == b"\0bytes"


@pytest.mark.parametrize(("path", "chosen"), [("/echo/", "/echo/"), ("/echo/", "/service/"), ("/service/", "/echo/")])
async def test_echo_keeps_keys(path, chosen):
    """Keys of the config are not for the client, whichever of the two routers is the echo; nothing is called."""
    targets = FakeUpstreams()
    config = built(
        [
            router(own, "http://t", headers={"Api-Key": ["key-of-the-target"], "X-Plain": ["9"]})
            for own in ("/echo/", "/service/")
        ]
    )
    request = FakeRequest(path=f"{path}x", lines=[(b"Authorization", b"of the caller")])
    call = await sent(targets, path=path, config=config, request=request, gl_path=Raw(json.dumps(chosen).encode()))
    assert targets.sent == []
    assert without_type(call.response) == {"Api-Key": [MASK], "X-Plain": ["9"], "Authorization": ["of the caller"]}


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_target_that_cannot_be_called(status):
    """502, 503 and 504 are answers as well; the reason is for the record, not for the client, and no error of ours."""
    state = Status()
    call = await sent(FakeUpstreams(UpstreamError(status, "the reason")), status=state)
    assert call.response.status == status
    assert json.loads(await whole(call.response)) == {"error": "failure making request"}
    assert (call.fault, state.last_error) == ("the reason", "")
