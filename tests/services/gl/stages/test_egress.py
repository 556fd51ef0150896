"""Egress: what goes back to the caller, and when the record is kept."""

import gzip
import json

import pytest

from gecholog.headers import MASK
from gecholog.rawjson import Raw
from services.gl import final_record
from services.gl.call import Disconnected, Refusal, UpstreamError
from services.gl.stages import egress, inbound, ingress, outbound
from tests.services.gl.rig.gateway import processor
from tests.services.gl.rig.stage import FakeAnswer, FakeRecorder, FakeResponder, built, call_of, done, doors

HOLDING = {"response": {"processors": [[processor("one")]]}}
STREAM = ((b"Content-Type", b"text/event-stream"),)


async def offered(answer, responder=None, config=None, **written):
    """A call after `egress.offer`, with fields that a response processor wrote."""
    call = call_of(config or built(), responder=responder or FakeResponder(), answer=answer)
    await ingress.receive(call, doors())
    outbound.prepare(call, doors())
    await done(inbound.receive(call, doors()))
    egress.offer(call, doors())
    for name, value in written.items():
        call.response_half.fields[name] = Raw(json.dumps(value).encode())
    return call


async def replied(answer, responder=None, config=None, records=None, **written):
    call = await offered(answer, responder, config, **written)
    egress.prepare(call, doors())
    await egress.reply(call, doors(records=records))
    return call


async def recorded(call):
    """The record of a call whose reply is over."""
    records = FakeRecorder()
    await done(egress.conclude(call, doors()))
    final_record.publish(call, doors(records=records))
    return records.record


async def test_a_stream_that_a_processor_wrote_anew():
    """It is one JSON object now, and says so; a type that the processor chose stays."""
    stream = {"lines": [*STREAM, (b"Content-Encoding", b"identity")], "pieces": [b'data: {"a":1}\n\n']}
    call = await replied(FakeAnswer(**stream), config=built(**HOLDING), egress_payload={"b": 2})
    assert call.responder.headers["Content-Type"] == ["application/json"]
    assert call.response_half.fields["egress_headers"]["Content-Type"] == ["application/json"]
    written = {"egress_payload": "x", "egress_headers": {"Content-Type": ["text/plain"]}}
    call = await replied(FakeAnswer(**stream), config=built(**HOLDING), **written)
    assert call.responder.headers["Content-Type"] == ["text/plain"]
    call = await replied(FakeAnswer(**stream), config=built(**HOLDING))
    assert call.responder.headers["Content-Type"] == ["text/event-stream"]


async def test_passes_piece_by_piece():
    """Each piece goes on by itself; status and headers are the target's, with the transaction id."""
    call = await replied(FakeAnswer(203, [(b"X-A", b"1"), (b"X-A", b"2")], [b"one", b"two"]))
    responder = call.responder
    assert responder.names() == ["start", "write", "write", "finish"]
    assert (responder.status, responder.body) == (203, b"onetwo")
    assert responder.headers == {"X-A": ["1", "2"], "Session-Id": [call.ids.transaction_id]}


async def test_offered_to_processors():
    """Response processors see what would go out, masked."""
    call = await offered(FakeAnswer(lines=[(b"Set-Cookie", b"secret")]))
    assert call.response_half.fields["egress_status_code"] == 200
    assert call.response_half.fields["egress_headers"] == {
        "Set-Cookie": [MASK],
        "Session-Id": [call.ids.transaction_id],
    }


async def test_written_by_a_processor():
    """What a response processor wrote goes to the caller."""
    call = await replied(
        FakeAnswer(lines=[(b"X-A", b"1"), (b"Set-Cookie", b"real")]),
        config=built(**HOLDING),
        egress_status_code=418,
        egress_headers={"x-new": ["2"]},
        egress_payload={"changed": True},
    )
    responder = call.responder
    assert responder.status == 418
    assert json.loads(responder.body) == {"changed": True}
    assert responder.headers == {"X-New": ["2"], "Set-Cookie": ["real"], "Session-Id": [call.ids.transaction_id]}
    assert call.response_half.fields["egresss_headers_discarded"] == {"X-A": [], "Set-Cookie": [MASK]}


@pytest.mark.parametrize("status", [0, 99, 100, 101, 600, 1000, "200", None, True, 200.5, [200]])
async def test_wrong_status_of_a_processor(status):
    """What is no final status is noted, and the target's stays."""
    call = await replied(FakeAnswer(201), config=built(**HOLDING), egress_status_code=status)
    assert call.responder.status == call.response_half.fields["egress_status_code"] == 201
    assert call.response_half.errors[0]["name"] == "egress_status_code"


@pytest.mark.parametrize("written", [[], {"X": "x"}, {"X": ["a\r\nY: z"]}, {"X Y": ["a"]}, "text", 0])
async def test_wrong_headers_of_a_processor(written):
    """Headers in a wrong form are noted, and the transaction id goes back all the same."""
    call = await replied(FakeAnswer(), config=built(**HOLDING), egress_headers=written)
    assert call.responder.headers["Session-Id"] == [call.ids.transaction_id]
    assert "egress_headers" in [error["name"] for error in call.response_half.errors]


async def test_session_header_is_ours():
    """Neither target nor processor can change the transaction id that goes back."""
    call = await replied(
        FakeAnswer(lines=[(b"Session-Id", b"forged")]),
        config=built(**HOLDING),
        egress_headers={"Session-Id": ["forged"]},
    )
    assert call.responder.headers["Session-Id"] == [call.ids.transaction_id]


async def test_session_header_cannot_be_taken_away():
    """A target that names it in `Connection` does not either."""
    call = await replied(FakeAnswer(lines=[(b"Connection", b"Session-Id, X-Hop"), (b"X-Hop", b"1")]))
    assert call.responder.headers == {"Session-Id": [call.ids.transaction_id]}


@pytest.mark.parametrize("with_headers", [False, True])
async def test_body_of_a_processor_is_not_encoded(with_headers):
    """What a processor wrote in place of an encoded body goes out plain, and no header says otherwise."""
    lines = [(b"Content-Encoding", b"gzip"), (b"Content-Type", b"application/json")]
    written = (
        {"egress_headers": {"Content-Encoding": ["gzip"], "Content-Type": ["application/json"]}} if with_headers else {}
    )
    call = await replied(
        FakeAnswer(lines=lines, pieces=[gzip.compress(b"{}")]),
        config=built(**HOLDING),
        egress_payload={"a": 1},
        **written,
    )
    assert json.loads(call.responder.body) == {"a": 1}
    assert "Content-Encoding" not in call.responder.headers


async def test_encoded_body_that_nobody_changed():
    """The bytes that came go on, with their encoding."""
    body = gzip.compress(b"{}")
    call = await replied(FakeAnswer(lines=[(b"Content-Encoding", b"gzip")], pieces=[body]), config=built(**HOLDING))
    assert call.responder.body == body
    assert call.responder.headers["Content-Encoding"] == ["gzip"]


async def test_other_status_is_noted():
    """A status other than 200 is in the record's `error`."""
    call = await replied(FakeAnswer(404))
    assert {"name": "egress_status_code", "details": "status 404"} in call.response_half.errors


@pytest.mark.parametrize("config", [built(), built(**HOLDING)], ids=["passing", "held-back"])
@pytest.mark.parametrize("length_known", [True, False])
async def test_record_is_kept_before_the_last_byte(config, length_known):
    """What the caller has in full is in the journal: the record is kept before the last piece is written."""
    responder = FakeResponder()
    records = FakeRecorder(events=responder.events)
    answer = FakeAnswer(pieces=[b'{"a":', b"1}"])
    if not length_known:
        answer.length = None
    await replied(answer, responder, config, records)
    names = responder.names()
    assert names.count("accept") == 1
    # of a body of unknown length the end itself is the last byte; else the last piece has it
    before = names[names.index("accept") + 1 :]
    held_back = bool(config.response.rows)
    assert before == (["write", "finish"] if length_known or held_back else ["finish"])
    assert records.accepted[0][1]["response"]["inbound_payload"] == {"a": 1}


async def test_target_breaks_off():
    """The caller sees the break; the record says where it was, and has what came."""
    answer = FakeAnswer(lines=STREAM, pieces=[b"data: 1\n\n", UpstreamError(502, "connection closed")])
    call = await replied(answer)
    assert call.responder.names() == ["start", "write", "abort"]
    response = (await recorded(call))["response"]
    assert {"name": "inbound_payload", "details": "broke off after 9 bytes: connection closed"} in response["error"]
    assert (response["inbound_stream"]["chunks"], response["inbound_stream"]["completed"]) == (1, False)
    assert response["inbound_payload"]


async def test_caller_leaves():
    """The target is let go, and the record has what came."""
    answer = FakeAnswer(lines=STREAM, pieces=[b"data: 1\n\n", b"data: 2\n\n", b"data: 3\n\n"])
    responder = FakeResponder(leaves_after=10)
    call = await offered(answer, responder)
    egress.prepare(call, doors())
    with pytest.raises(Disconnected):
        await egress.reply(call, doors())
    assert answer.abandoned
    stream = (await recorded(call))["response"]["inbound_stream"]
    assert (stream["chunks"], stream["completed"]) == (2, False)


async def test_large_body_is_recorded_by_its_head():
    """A body over what is copied passes whole, and is recorded by size, hash and head."""
    pieces = [b"x" * 1_000_000] * 10
    call = await replied(FakeAnswer(pieces=pieces))
    assert len(call.responder.body) == 10_000_000
    assert (await recorded(call))["response"]["inbound_payload"]["size"] == 10_000_000


async def test_refuse():
    """A refusal is JSON with the transaction id; the record has what the caller got, and is kept before it goes."""
    responder = FakeResponder()
    records = FakeRecorder(events=responder.events)
    call = call_of(responder=responder)
    await egress.refuse(call, Refusal(413, "too much", {"X-Why": ["size"]}), doors(records=records))
    assert responder.names() == ["start", "accept", "write", "finish"]
    assert (responder.status, json.loads(responder.body)) == (413, {"error": "too much"})
    assert responder.headers["Content-Type"] == ["application/json"]
    assert responder.headers["X-Why"] == ["size"]
    assert responder.headers["Session-Id"] == [call.ids.transaction_id]
    assert call.response_half.fields["egress_payload"] == b'{"error":"too much"}'
