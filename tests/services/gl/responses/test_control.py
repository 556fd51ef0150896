"""Control: a processor's response, its status and its headers."""

import json

import pytest

from gecholog.rawjson import Raw
from services.gl.responses import control
from services.gl.stages import egress, inbound
from tests.services.gl.rig.stage import FakeRequest, arrived, begun, built, call_of, deps, done


async def answered(config=None, **written):
    """A call after `control` has become its response."""
    call = call_of(config)
    await arrived(call, deps())
    for name, value in ({"control": {"a": 1}} | written).items():
        call.request_section.write({name: Raw(json.dumps(value).encode())})
    await begun(call)
    call.response = control.response(call.request_section, call.config.masked)
    return call


async def replied(config=None, **written):
    """The same, replied to."""
    call = await answered(config, **written)
    for stage in (inbound.receive, egress.offer, egress.prepare, egress.reply):
        await done(stage(call, deps()))
    return call


async def test_usual():
    """Status 200, JSON, no header in the record."""
    call = await replied()
    assert call.responder.status == 200
    assert json.loads(call.responder.body) == {"a": 1}
    assert call.responder.headers["Content-Type"] == ["application/json"]
    assert call.response_section.fields["inbound_headers"] == {}
    assert call.request_section.errors == call.response_section.errors == []


@pytest.mark.parametrize("status", [200, 201, 204, 301, 400, 429, 503, 599])
async def test_status(status):
    """Any final status."""
    call = await replied(control_status_code=status)
    assert call.responder.status == status
    assert (
        call.response_section.fields["inbound_status_code"]
        == call.response_section.fields["egress_status_code"]
        == status
    )
    assert call.request_section.errors == []


async def test_reset_content():
    """A 205 has no body, whatever a processor wrote."""
    call = await replied(control_status_code=205)
    assert (call.responder.status, call.responder.body) == (205, b"")


@pytest.mark.parametrize("wrong", [None, "429", 199, 600, 0, -1, 429.0, True, [429], 10**30])
async def test_wrong_status(wrong):
    """Anything else is noted, and 200 is sent."""
    call = await replied(control_status_code=wrong)
    assert call.responder.status == 200
    assert [error["name"] for error in call.request_section.errors] == ["control_status_code"]


async def test_headers():
    """Lists of values, or a text as one value; the content type may be another one."""
    call = await replied(control_headers={"x-a": ["1", "2"], "Retry-After": "7", "content-type": "text/x"})
    headers = call.responder.headers
    assert (headers["X-A"], headers["Retry-After"], headers["Content-Type"]) == (["1", "2"], ["7"], ["text/x"])
    assert call.response_section.fields["inbound_headers"] == {
        "X-A": ["1", "2"],
        "Retry-After": ["7"],
        "Content-Type": ["text/x"],
    }
    assert call.request_section.errors == []


@pytest.mark.parametrize(
    "wrong",
    [
        "X-A: 1",
        [],
        {"X-A": 1},
        {"X-A": ["a\r\nX-B: b"]},
        {"X-A": "a\0"},
        {"X A": "a"},
        {"": "a"},
        {"X-A": [None]},
        {"X-A": "\ud800"},
    ],
)
async def test_wrong_headers(wrong):
    """What is no object of names and values is noted, and nothing of it is sent."""
    call = await replied(control_headers=wrong)
    assert set(call.responder.headers) == {"Content-Type", "Session-Id"}
    assert [error["name"] for error in call.request_section.errors] == ["control_headers"]


async def test_headers_that_are_not_a_processors():
    """Masked headers, the session's, removed ones, and those of the connection and of the body."""
    config = built(masked_headers=["Set-Cookie"], remove_headers=["X-Gone"])
    names = ("Set-Cookie", "Session-Id", "X-Gone", "Connection", "Content-Length", "Content-Encoding", "Upgrade", "Te")
    call = await replied(config, control_headers=dict.fromkeys(names, "forged") | {"X-Stays": "1"})
    headers = call.responder.headers
    assert set(headers) == {"Session-Id", "Content-Type", "X-Stays"}
    assert headers["Session-Id"] == [call.ids.transaction_id]
    assert json.loads(call.responder.body) == {"a": 1}


async def test_bytes_that_are_no_text():
    """A lone surrogate that stands for a byte goes out as that byte."""
    call = await answered(control_headers={"X-A": "\udce9"})
    assert call.response.headers == {"X-A": ["\udce9"]}


async def test_without_control():
    """Status and headers alone mean nothing, and are not looked at."""
    call = call_of(request=FakeRequest())
    await arrived(call, deps())
    call.request_section.write({"control_status_code": Raw(b"429")})
    await begun(call)
    assert call.request_section.errors == []
