"""Calls that end before their time: with an error, or without a client."""

import json

import pytest

from services.gl.errors import ErrorDetail, Refusal
from services.gl.http import Disconnected
from services.gl.replies import ending
from tests.services.gl.rig.gateway import router
from tests.services.gl.rig.stage import FakeRecorder, FakeResponder, FakeResponse, built, call_of, deps


async def test_refuse():
    """A refusal is JSON with the transaction id; the record has what the client got, and is kept before it goes."""
    responder = FakeResponder()
    records = FakeRecorder(events=responder.events)
    call = call_of(responder=responder)
    await ending.refuse(call, Refusal(413, "too much", {"X-Why": ["size"]}), deps(records=records))
    assert responder.names() == ["start", "accept", "write", "finish"]
    assert (responder.status, json.loads(responder.body)) == (413, {"error": "too much"})
    assert responder.headers["Content-Type"] == ["application/json"]
    assert responder.headers["X-Why"] == ["size"]
    assert responder.headers["Session-Id"] == [call.ids.transaction_id]
    assert call.response_section.fields["egress_payload"] == b'{"error":"too much"}'


@pytest.mark.parametrize("hides", [False, True])
async def test_error_that_quotes_the_request(hides):
    """Where payloads are hidden, the record does not have the text; the client always does."""
    responder = FakeResponder()
    config = built([router("/service/", "http://target") | {"record_payloads": not hides}])
    call = call_of(config, responder=responder)
    detail = ErrorDetail(400, "a tool of type CaNaRy", "unsupported_parameter", param="tools")
    await ending.refuse(call, Refusal(400, detail.message, detail=detail), deps())
    assert b"CaNaRy" in responder.body
    (error,) = call.response_section.errors
    assert ("CaNaRy" in error["details"]) != hides


async def test_refuse_when_a_part_has_gone():
    """A second status cannot follow: the connection is closed, and the target is disconnected."""
    responder, response = FakeResponder(), FakeResponse()
    call = call_of(responder=responder, response=response)
    responder.start(200, {}, 9)
    await responder.write(b"part")
    await ending.refuse(call, Refusal(502, "too late"), deps())
    assert responder.names() == ["start", "write", "abort"]
    assert response.abandoned


async def test_refuse_a_client_that_is_gone():
    """Nobody is there to hear it; the record says so."""

    class Gone(FakeResponder):
        def start(self, status, headers, length):
            raise Disconnected

    call = call_of(responder=Gone())
    await ending.refuse(call, Refusal(502, "too late"), deps())
    assert call.responder.names() == ["abort"]
    assert [error["name"] for error in call.response_section.errors] == ["egress_status_code", "egress"]


async def test_break_off():
    """The target is disconnected, and the record says who left."""
    response = FakeResponse()
    call = call_of(built(), response=response)
    ending.break_off(call)
    assert response.abandoned
    (error,) = call.response_section.errors
    assert error["details"] == "the client disconnected before the end of the reply"
    call = call_of(built())
    call.responder.lost = False
    ending.break_off(call)
    assert call.response_section.errors[0]["details"].startswith("the gateway stopped")
