"""Egress: what goes back to the client, and when the record is kept."""

import asyncio
import contextlib
import gzip
import json
import zlib
from http import HTTPStatus
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gecholog.headers import MASK
from gecholog.quota.limits import Budget, Limits
from gecholog.quota.period import Period
from gecholog.quota.subject import Subject
from gecholog.rawjson import Raw
from services.gl.errors import Refusal, UpstreamError
from services.gl.http import Disconnected
from services.gl.quota.enforcer import QuotaEnforcer
from services.gl.record import recording
from services.gl.responses.response import LocalResponse
from services.gl.stages import egress, inbound
from tests.services.gl.rig.gateway import processor, router
from tests.services.gl.rig.stage import (
    FakeRecorder,
    FakeRequest,
    FakeResponder,
    FakeResponse,
    arrived,
    begun,
    built,
    call_of,
    deps,
    done,
)
from tests.services.gl.rig.transform import Rewording

HOLDING = {"response": {"processors": [[processor("one")]]}}
STREAM = ((b"Content-Type", b"text/event-stream"),)


async def offered(upstream_response, responder=None, config=None, **written):
    """A call after `egress.offer`, with fields that a response processor wrote."""
    call = call_of(config or built(), responder=responder or FakeResponder(), response=upstream_response)
    await arrived(call, deps())
    await begun(call)
    await done(inbound.receive(call, deps()))
    egress.offer(call, deps())
    for name, value in written.items():
        call.response_section.write({name: Raw(json.dumps(value).encode())})
    return call


async def replied(upstream_response, responder=None, config=None, records=None, **written):
    call = await offered(upstream_response, responder, config, **written)
    egress.prepare(call, deps())
    await egress.reply(call, deps(records=records))
    return call


async def recorded(call):
    """The record of a call whose reply is over."""
    records = FakeRecorder()
    await done(egress.conclude(call, deps()))
    recording.publish(call, records)
    return records.record


async def test_a_stream_that_a_processor_wrote_anew():
    """It is one JSON object now, and says so; a type that the processor chose stays."""
    stream = {"lines": [*STREAM, (b"Content-Encoding", b"identity")], "pieces": [b'data: {"a":1}\n\n']}
    call = await replied(FakeResponse(**stream), config=built(**HOLDING), egress_payload={"b": 2})
    assert call.responder.headers["Content-Type"] == ["application/json"]
    assert call.response_section.fields["egress_headers"]["Content-Type"] == ["application/json"]
    written = {"egress_payload": "x", "egress_headers": {"Content-Type": ["text/plain"]}}
    call = await replied(FakeResponse(**stream), config=built(**HOLDING), **written)
    assert call.responder.headers["Content-Type"] == ["text/plain"]
    call = await replied(FakeResponse(**stream), config=built(**HOLDING))
    assert call.responder.headers["Content-Type"] == ["text/event-stream"]


async def test_passes_piece_by_piece():
    """Each piece is forwarded on its own; status and headers are the target's, with the transaction id."""
    call = await replied(FakeResponse(203, [(b"X-A", b"1"), (b"X-A", b"2")], [b"one", b"two"]))
    responder = call.responder
    assert responder.names() == ["start", "write", "write", "finish"]
    assert (responder.status, responder.body) == (203, b"onetwo")
    assert responder.headers == {"X-A": ["1", "2"], "Session-Id": [call.ids.transaction_id]}


async def test_offered_to_processors():
    """Response processors see what would go out, masked."""
    call = await offered(FakeResponse(lines=[(b"Set-Cookie", b"secret")]))
    assert call.response_section.fields["egress_status_code"] == 200
    assert call.response_section.fields["egress_headers"] == {
        "Set-Cookie": [MASK],
        "Session-Id": [call.ids.transaction_id],
    }


async def test_written_by_a_processor():
    """What a response processor wrote goes to the client."""
    call = await replied(
        FakeResponse(lines=[(b"X-A", b"1"), (b"Set-Cookie", b"real")]),
        config=built(**HOLDING),
        egress_status_code=418,
        egress_headers={"x-new": ["2"]},
        egress_payload={"changed": True},
    )
    responder = call.responder
    assert responder.status == 418
    assert json.loads(responder.body) == {"changed": True}
    assert responder.headers == {"X-New": ["2"], "Set-Cookie": ["real"], "Session-Id": [call.ids.transaction_id]}
    assert call.response_section.fields["egresss_headers_discarded"] == {"X-A": [], "Set-Cookie": [MASK]}


async def test_another_field_of_a_processor_leaves_the_reply_alone():
    """Who writes `inbound_payload` changes the record, and not what the client gets."""
    stream = {"lines": STREAM, "pieces": [b'data: {"a":1}\n\n']}
    call = await replied(FakeResponse(**stream), config=built(**HOLDING), inbound_payload={"b": 2})
    assert call.responder.body == b'data: {"a":1}\n\n'
    assert call.responder.headers["Content-Type"] == ["text/event-stream"]
    assert call.response_section.fields["inbound_payload"] == b'{"b": 2}'


@pytest.mark.parametrize("status", [0, 99, 100, 101, 600, 1000, "200", None, True, 200.5, [200]])
async def test_wrong_status_of_a_processor(status):
    """What is no final status is noted, and the target's stays."""
    call = await replied(FakeResponse(201), config=built(**HOLDING), egress_status_code=status)
    assert call.responder.status == call.response_section.fields["egress_status_code"] == 201
    assert call.response_section.errors[0]["name"] == "egress_status_code"


@pytest.mark.parametrize("written", [[], {"X": "x"}, {"X": ["a\r\nY: z"]}, {"X Y": ["a"]}, "text", 0])
async def test_wrong_headers_of_a_processor(written):
    """Headers in a wrong form are noted, and the transaction id goes back nevertheless."""
    call = await replied(FakeResponse(), config=built(**HOLDING), egress_headers=written)
    assert call.responder.headers["Session-Id"] == [call.ids.transaction_id]
    assert "egress_headers" in [error["name"] for error in call.response_section.errors]


async def test_session_header_is_ours():
    """Neither target nor processor can change the transaction id that goes back."""
    call = await replied(
        FakeResponse(lines=[(b"Session-Id", b"forged")]),
        config=built(**HOLDING),
        egress_headers={"Session-Id": ["forged"]},
    )
    assert call.responder.headers["Session-Id"] == [call.ids.transaction_id]


async def test_session_header_cannot_be_taken_away():
    """A target that names it in `Connection` does not either."""
    call = await replied(FakeResponse(lines=[(b"Connection", b"Session-Id, X-Hop"), (b"X-Hop", b"1")]))
    assert call.responder.headers == {"Session-Id": [call.ids.transaction_id]}


@pytest.mark.parametrize("with_headers", [False, True])
async def test_body_of_a_processor_is_not_encoded(with_headers):
    """What a processor wrote in place of an encoded body goes out plain, and no header says otherwise."""
    lines = [(b"Content-Encoding", b"gzip"), (b"Content-Type", b"application/json")]
    written = (
        {"egress_headers": {"Content-Encoding": ["gzip"], "Content-Type": ["application/json"]}} if with_headers else {}
    )
    call = await replied(
        FakeResponse(lines=lines, pieces=[gzip.compress(b"{}")]),
        config=built(**HOLDING),
        egress_payload={"a": 1},
        **written,
    )
    assert json.loads(call.responder.body) == {"a": 1}
    assert "Content-Encoding" not in call.responder.headers


async def test_encoded_body_that_nobody_changed():
    """The received bytes are forwarded, with their encoding."""
    body = gzip.compress(b"{}")
    call = await replied(FakeResponse(lines=[(b"Content-Encoding", b"gzip")], pieces=[body]), config=built(**HOLDING))
    assert call.responder.body == body
    assert call.responder.headers["Content-Encoding"] == ["gzip"]


async def test_other_status_is_noted():
    """A status other than 200 is in the record's `error`."""
    call = await replied(FakeResponse(404))
    assert {"name": "egress_status_code", "details": "status 404"} in call.response_section.errors


@pytest.mark.parametrize("config", [built(), built(**HOLDING)], ids=["passing", "held-back"])
@pytest.mark.parametrize("length_known", [True, False])
async def test_record_is_kept_before_the_last_byte(config, length_known):
    """What the client has in full is in the journal: the record is kept before the last piece is written."""
    responder = FakeResponder()
    records = FakeRecorder(events=responder.events)
    upstream_response = FakeResponse(pieces=[b'{"a":', b"1}"])
    if not length_known:
        upstream_response.length = None
    await replied(upstream_response, responder, config, records)
    names = responder.names()
    assert names.count("accept") == 1
    # of a body of unknown length the end itself is the last byte; else the last piece has it
    before = names[names.index("accept") + 1 :]
    held_back = bool(config.response.sync_rows)
    assert before == (["write", "finish"] if length_known or held_back else ["finish"])
    assert records.accepted[0][1]["response"]["inbound_payload"] == {"a": 1}


async def test_target_breaks_off():
    """The client sees the break; the record says where it was, and has what came."""
    upstream_response = FakeResponse(lines=STREAM, pieces=[b"data: 1\n\n", UpstreamError(502, "connection closed")])
    call = await replied(upstream_response)
    assert call.responder.names() == ["start", "write", "abort"]
    response = (await recorded(call))["response"]
    assert {"name": "inbound_payload", "details": "broke off after 9 bytes: connection closed"} in response["error"]
    assert (response["inbound_stream"]["chunks"], response["inbound_stream"]["completed"]) == (1, False)
    assert response["inbound_payload"]


async def test_caller_leaves():
    """The target is disconnected, and the record has what came."""
    upstream_response = FakeResponse(lines=STREAM, pieces=[b"data: 1\n\n", b"data: 2\n\n", b"data: 3\n\n"])
    responder = FakeResponder(leaves_after=10)
    call = await offered(upstream_response, responder)
    egress.prepare(call, deps())
    with pytest.raises(Disconnected):
        await egress.reply(call, deps())
    assert upstream_response.abandoned
    stream = (await recorded(call))["response"]["inbound_stream"]
    assert (stream["chunks"], stream["completed"]) == (2, False)


async def test_large_body_is_recorded_by_its_head():
    """A body over what is copied passes whole, and is recorded by size, hash and head."""
    pieces = [b"x" * 1_000_000] * 10
    call = await replied(FakeResponse(pieces=pieces))
    assert len(call.responder.body) == 10_000_000
    response = (await recorded(call))["response"]
    assert response["inbound_payload"]["size"] == response["egress_payload"]["size"] == 10_000_000
    details = "larger than 8388608 bytes, recorded by size, hash and head"
    assert response["error"] == [{"name": "inbound_payload", "details": f"{details}: its usage is not counted"}]
    call = await replied(FakeResponse(lines=[(b"Content-Type", b"image/png")], pieces=pieces))
    assert (await recorded(call))["response"]["error"] == [{"name": "inbound_payload", "details": details}]


# ------------------------------------------------------------------ streams, whatever they are announced as


CHUNKS = b"".join(
    b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % text
    for text in (b"Hello", b" there")
)
COUNTED = b'data: {"object":"chat.completion.chunk","choices":[],"usage":{"total_tokens":7}}\n\n'
DONE = b"data: [DONE]\n\n"
FINISHED = b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
STREAMING = b'{"messages":[],"stream":true}'
USAGE_ROUTER = [router("/service/", "http://target", endpoint="v1/chat/completions", add_stream_usage=True)]
STARTS = [b"", b": ping\n\n", b"\xef\xbb\xbf", b"event: x\n", b"id: 1\n", b"retry: 5\n", b"\n"]
LEFT = "ended early: the usage received so far is counted"


async def streamed(pieces, *, kind=None, body=STREAMING, responder=None, config=None):
    """A call that asked for a stream, and its response section when all is over; `kind` is the announced type."""
    upstream_response = FakeResponse(lines=[(b"Content-Type", kind)] if kind else [], pieces=pieces)
    upstream_response.length = None
    call = call_of(config or built(), FakeRequest(body=body), responder or FakeResponder(), response=upstream_response)
    await arrived(call, deps())
    await begun(call)
    await done(inbound.receive(call, deps()))
    egress.offer(call, deps())
    egress.prepare(call, deps())
    with contextlib.suppress(Disconnected):
        await egress.reply(call, deps())
    return call, (await recorded(call))["response"]


@pytest.mark.parametrize("kind", [b"text/plain", b"application/json", b"application/octet-stream", None])
@pytest.mark.parametrize(
    "start", [b"", b": ping\n\n", b"\xef\xbb\xbf", b"event: x\n", b"id: 1\n", b"retry: 5\n", b"\n"]
)
async def test_stream_under_another_type(kind, start):
    """Events that were asked for are a stream, folded and timed, whatever they are announced as; the bytes stay."""
    body = start + CHUNKS + COUNTED + DONE
    call, response = await streamed([body[:3], body[3:9], body[9:]], kind=kind)
    assert call.responder.body == body
    assert response["inbound_payload"]["usage"] == {"total_tokens": 7}
    assert (response["inbound_stream"]["chunks"], response["inbound_stream"]["completed"]) == (3, True)
    assert "error" not in response


async def test_json_lines_under_another_type():
    """So are JSON lines; one JSON value is none, also if a stream was asked for."""
    lines = b'{"message":{"content":"a"},"done":false}\n{"message":{"content":"b"},"done":true,"eval_count":2}\n'
    _, response = await streamed([lines], kind=b"application/json")
    assert response["inbound_payload"]["message"] == {"content": "ab"}
    assert response["inbound_stream"]["completed"] is True
    _, response = await streamed([b'{"error":{"message":"no"}}\n'], kind=b"application/json")
    assert response["inbound_payload"] == {"error": {"message": "no"}}
    assert "inbound_stream" not in response


async def test_events_that_nobody_asked_for():
    """Text that looks like events is text if no stream was asked for."""
    _, response = await streamed([CHUNKS], kind=b"text/plain", body=b"{}")
    assert response["inbound_payload"] == CHUNKS.decode()
    assert "inbound_stream" not in response


async def test_large_stream_under_another_type():
    """As much is kept of it as of any stream."""
    body = CHUNKS + b": " + b"x" * 9_000_000 + b"\n\n" + COUNTED + DONE
    _, response = await streamed([body[:500], body[500:]], kind=b"text/plain")
    assert response["inbound_payload"]["usage"] == {"total_tokens": 7}


@settings(deadline=None)
@given(
    cuts=st.lists(st.integers(0, len(CHUNKS + COUNTED + DONE))), kind=st.sampled_from([b"text/event-stream", b"x/y"])
)
def test_however_a_stream_is_cut(cuts, kind):
    """The record of a stream is the same however its bytes arrive."""
    body = CHUNKS + COUNTED + DONE
    places = sorted({0, *cuts, len(body)})
    _, response = asyncio.run(streamed([body[start:end] for start, end in pairwise(places)], kind=kind))
    assert response["inbound_payload"]["choices"][0]["message"] == {"content": "Hello there"}
    assert response["inbound_payload"]["usage"] == {"total_tokens": 7}
    assert response["inbound_stream"]["completed"] is True


# ------------------------------------------------------------------ how a stream ended


class Leaving(FakeResponder):
    """A client that reads this many bytes, and is gone when the next ones come."""

    lost = False

    async def write(self, piece):
        try:
            await super().write(piece)
        except Disconnected:
            self.lost = True
            raise


async def left(pieces, after, config=None):
    return await streamed(pieces, kind=b"text/event-stream", responder=Leaving(after), config=config)


async def test_caller_leaves_behind_the_end_mark():
    """Who was handed `[DONE]` has all of the stream, though the target had not ended the body."""
    body = CHUNKS + COUNTED + DONE
    _, response = await left([body, b": bye\n\n"], len(body))
    assert response["inbound_stream"]["completed"] is True
    assert "error" not in response


@pytest.mark.parametrize("kind", [b"application/json", b"application/x-ndjson"])
async def test_caller_leaves_behind_other_ends(kind):
    """So has who was handed all of a JSON array, or the last of JSON lines."""
    for body in (b'[{"candidates":[{"index":0}]}]', b'{"message":{},"done":false}\n{"message":{},"done":true}\n'):
        _, response = await streamed([body, b"\n"], kind=kind, responder=Leaving(len(body)))
        assert response.get("inbound_stream", {"completed": True})["completed"] is True


async def test_caller_leaves_before_the_end_mark():
    """Who leaves when it comes does not; the record says that what was seen is counted, or that nothing is."""
    _, response = await left([CHUNKS, COUNTED, DONE], len(CHUNKS + COUNTED))
    assert response["inbound_stream"]["completed"] is False
    (note,) = response["error"]
    assert note == {
        "name": "inbound_stream",
        "details": "ended early: the usage received so far is counted",
    }
    _, response = await left([CHUNKS, FINISHED, COUNTED], len(CHUNKS))
    assert response["error"][0]["details"] == "ended early: its usage is not counted"


async def test_target_breaks_off_behind_the_end_mark():
    """A body that breaks off when the stream was over costs nothing of the stream; the break is noted."""
    _, response = await streamed([CHUNKS + DONE, UpstreamError(502, "reset")], kind=b"text/event-stream")
    assert response["inbound_stream"]["completed"] is True
    assert "broke off" in response["error"][0]["details"]


async def test_stream_that_ends_inside_its_encoding():
    """The body came to its end, what it encodes did not: what could be decoded is counted, and not taken for all."""
    compressor = zlib.compressobj(wbits=31)
    body = compressor.compress(CHUNKS + COUNTED) + compressor.flush(zlib.Z_SYNC_FLUSH)
    upstream_response = FakeResponse(lines=[*STREAM, (b"Content-Encoding", b"gzip")], pieces=[body])
    response = (await recorded(await replied(upstream_response)))["response"]
    assert response["inbound_payload"]["usage"] == {"total_tokens": 7}
    assert response["inbound_stream"]["completed"] is False
    assert [error["details"] for error in response["error"]] == [
        f"cut off after {len(CHUNKS + COUNTED)} decoded bytes",
        LEFT,
    ]


async def test_error_behind_a_stream():
    """An error in place of the end is in the record, and the stream is not complete."""
    for error in (b'{"error":{"message":"broke"}}', b'data: {"error":{"message":"broke"}}\n\n'):
        _, response = await streamed([CHUNKS, error], kind=b"text/event-stream")
        assert response["inbound_payload"]["error"] == {"message": "broke"}
        assert response["inbound_stream"]["completed"] is False
        assert {"name": "inbound_stream", "details": "the target sent an error in its stream"} in response["error"]
    _, response = await streamed([CHUNKS, b'data: {"error":null}\n\n'], kind=b"text/event-stream")
    assert response["inbound_stream"]["completed"] is True


async def test_unknown_stream_is_not_counted():
    """One note says both: what it is recorded as, and that it is not counted."""
    _, response = await streamed([b'data: {"answer":"a","error":null}\n\n'], kind=b"text/event-stream")
    (note,) = response["error"]
    assert note["name"] == "inbound_payload"
    assert "not counted" in note["details"]
    _, response = await streamed([b'{"answer":"a"}'], kind=b"application/json")
    assert "error" not in response


# ------------------------------------------------------------------ usage that gl asked for


async def test_usage_is_read_for_a_caller_who_left():
    """gl asked for the usage: it is read for the record although the client left at the finished choice."""
    call, response = await left([CHUNKS + FINISHED, COUNTED, DONE], 0, built(USAGE_ROUTER))
    assert call.response.abandoned
    assert response["inbound_payload"]["usage"] == {"total_tokens": 7}
    assert response["inbound_stream"]["completed"] is False


async def test_nothing_is_read_for_a_caller_who_left_in_the_middle():
    """A model that still writes is stopped at once, and so is one whose usage nobody asked for."""
    call, response = await left([CHUNKS, FINISHED, COUNTED], 0, built(USAGE_ROUTER))
    assert call.response.abandoned
    assert "usage" not in response["inbound_payload"]
    call, response = await left([CHUNKS + FINISHED, COUNTED], 0)
    assert "usage" not in response["inbound_payload"]


async def test_usage_is_read_for_a_client_that_is_charged():
    """It is read also if the client asked for it, and left before it came, or if nobody did."""
    subject = Subject("key.k", Limits(budget=Budget(1000, Period.TOTAL, is_tokens=True)))
    limits = QuotaEnforcer().limits.of((subject,), None, None)
    upstream_response = FakeResponse(lines=STREAM, pieces=[CHUNKS + FINISHED, COUNTED, DONE])
    call = await replied_and_left(upstream_response, built(), limits=limits)
    assert (await recorded(call))["response"]["inbound_payload"]["usage"] == {"total_tokens": 7}


async def test_usage_that_does_not_come():
    """It is waited for as long as the config says, then the target is left."""
    upstream_response = FakeResponse(lines=STREAM, pieces=[CHUNKS + FINISHED])
    call = await replied_and_left(upstream_response, built(USAGE_ROUTER, usage={"linger_ms": 1}))
    never = asyncio.get_running_loop().create_future()
    upstream_response.read = lambda: never
    response = (await recorded(call))["response"]
    assert upstream_response.abandoned
    assert response["error"][-1]["details"] == "ended early: its usage is not counted"


async def test_gateway_stops_while_usage_is_read():
    """The record is made of what came, at once."""
    upstream_response = FakeResponse(lines=STREAM, pieces=[CHUNKS + FINISHED])
    call = await replied_and_left(upstream_response)
    reached, never = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def hang():
        reached.set()
        return await never

    upstream_response.read = hang
    task = asyncio.ensure_future(egress.conclude(call, deps()))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert upstream_response.abandoned
    assert json.loads(call.response_section.fields["inbound_payload"])["choices"][0]["finish_reason"] == "stop"


async def replied_and_left(upstream_response, config=None, **more):
    """A call whose client left at the first piece, before `conclude`."""
    upstream_response.length = None
    request, client = FakeRequest(body=STREAMING), Leaving(0)
    call = call_of(config or built(USAGE_ROUTER), request, client, response=upstream_response, **more)
    await arrived(call, deps())
    await begun(call)
    await done(inbound.receive(call, deps()))
    egress.offer(call, deps())
    egress.prepare(call, deps())
    with pytest.raises(Disconnected):
        await egress.reply(call, deps())
    assert not upstream_response.abandoned
    return call


async def test_statuses_are_plain_numbers():
    """A status from an enumeration is a number everywhere behind the border."""
    status = HTTPStatus.GATEWAY_TIMEOUT
    made = [LocalResponse(status, b""), UpstreamError(status, "late"), Refusal(status, "late")]
    assert all(type(one.status) is int for one in made)
    call = await replied(LocalResponse(status, b"{}"))
    assert [error["details"] for error in call.response_section.errors] == ["status 504"]


# ------------------------------------------------------------------ a body that a transform makes another


EVENTS = [CHUNKS[:30], CHUNKS[30:], COUNTED + DONE]
JSON = (b"Content-Type", b"application/json")


async def reworded(upstream_response, *, config=None, responder=None, word=b"there", other=b"world", **written):
    """A call whose answer goes through a transform, and its response section when all is over."""
    upstream_response.length = None
    call = call_of(
        config or built(), FakeRequest(body=STREAMING), responder or FakeResponder(), response=upstream_response
    )
    await arrived(call, deps())
    await begun(call)
    call.revise(call.attempt._replace(transform=Rewording(word, other)))
    await done(inbound.receive(call, deps()))
    egress.offer(call, deps())
    call.response_section.write({name: Raw(json.dumps(value).encode()) for name, value in written.items()})
    egress.prepare(call, deps())
    with contextlib.suppress(Disconnected):
        await egress.reply(call, deps())
    return call, (await recorded(call))["response"]


@pytest.mark.parametrize("config", [built(), built(**HOLDING)], ids=["streamed", "held-back"])
async def test_both_sides_are_recorded(config):
    """The record has what the target sent and what the client got; usage is the target's."""
    call, response = await reworded(FakeResponse(lines=STREAM, pieces=list(EVENTS)), config=config)
    assert call.responder.body == b"".join(EVENTS).replace(b"there", b"world")
    assert response["inbound_payload"]["choices"][0]["message"] == {"content": "Hello there"}
    assert response["egress_payload"]["choices"][0]["message"] == {"content": "Hello world"}
    assert response["inbound_payload"]["usage"] == response["egress_payload"]["usage"] == {"total_tokens": 7}
    assert call.usage.total_tokens == 7
    assert "error" not in response


@pytest.mark.parametrize("config", [built(), built(**HOLDING)], ids=["streamed", "held-back"])
async def test_last_piece_of_a_transform(config):
    """What a transform holds until the end is sent, and recorded before it is."""
    call, response = await reworded(FakeResponse(lines=[JSON], pieces=[b'{"a":', b'"there"}']), config=config)
    assert call.responder.body == b'{"a":"world"}'
    assert (response["inbound_payload"], response["egress_payload"]) == ({"a": "there"}, {"a": "world"})


async def test_a_processor_wins_over_a_transform():
    """A response processor is shown what the client would get, and what it writes instead goes out as it is."""
    config = built(**HOLDING)
    call, response = await reworded(
        FakeResponse(lines=[JSON], pieces=[b'{"a":"there"}']), config=config, egress_payload="there"
    )
    assert call.responder.body == b'"there"'
    assert (response["inbound_payload"], response["egress_payload"]) == ({"a": "there"}, "there")


@pytest.mark.parametrize("config", [built(), built(**HOLDING)], ids=["streamed", "held-back"])
async def test_large_on_one_side(config):
    """Each side is looked at by itself, in a thread if either is large."""
    call, response = await reworded(
        FakeResponse(lines=[JSON], pieces=[b'{"a":"there"}']), config=config, other=b"x" * 400_000
    )
    assert len(call.responder.body) == 400_008
    assert response["inbound_payload"] == {"a": "there"}
    assert response["egress_payload"] == {"a": "x" * 400_000}


async def test_too_large_on_one_side():
    """What the client got is recorded by size, hash and head; that is noted by its name."""
    _, response = await reworded(FakeResponse(lines=[JSON], pieces=[b'{"a":"there"}']), other=b"x" * 9_000_000)
    assert response["inbound_payload"] == {"a": "there"}
    assert response["egress_payload"]["size"] == 9_000_008
    details = "larger than 8388608 bytes, recorded by size, hash and head"
    assert response["error"] == [{"name": "egress_payload", "details": details}]


async def test_transformed_stream_that_is_left():
    """The record says how far either side came."""
    sent = CHUNKS.replace(b"there", b"world")
    _, response = await reworded(
        FakeResponse(lines=STREAM, pieces=[CHUNKS, COUNTED, DONE]), responder=Leaving(len(sent))
    )
    assert response["inbound_stream"]["completed"] is False
    assert response["egress_payload"]["choices"][0]["message"] == {"content": "Hello world"}
