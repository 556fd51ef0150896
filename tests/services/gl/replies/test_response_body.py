"""The body of a response in the record."""

import gzip
import json
import zlib

import pytest

from services.gl.replies.response_body import Body, TooLong, inbound_form, record_body
from services.gl.stages import inbound
from tests.services.gl.rig.gateway import processor
from tests.services.gl.rig.stage import FakeBus, FakeResponse, built, call_of, deps

CHAT = b'{"usage":{"prompt_tokens":40,"completion_tokens":9}}'
EVENT = b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'


def recorded(body, *lines, bus=1024 * 1024, **more):
    """The field and the notes of a response whose body is recorded at once if that is quick, and of one by a thread."""

    def quickly(call):
        try:
            record_body(call, Body(body, inbound_form(call)), at_once=True)
        except TooLong:
            assert "inbound_payload" not in call.response_section.fields
            slowly(call)

    def slowly(call):
        record_body(call, Body(body, inbound_form(call)))

    for record in (quickly, slowly):
        config = built(**more)
        call = call_of(config, target_router=config.routers["/service/"], response=FakeResponse(lines=lines))
        inbound.receive(call, deps(FakeBus(bus)))
        record(call)
        yield (
            call.response_section.fields["inbound_payload"],
            [each["details"] for each in call.response_section.errors],
        )


def same(found):
    one, two = found
    assert one == two
    return one


SSE = (b"Content-Type", b"text/event-stream")
GZIP = (b"Content-Encoding", b"gzip")


@pytest.mark.parametrize("lines", [[(b"Content-Type", b"application/json")], [(b"Content-Type", b";")], []])
@pytest.mark.parametrize(
    "body", [b"\xef\xbb\xbf" + CHAT, CHAT[:-1] + b',"x":-Infinity}', CHAT[:-1] + b',"x":"\xff"}', b"\n\n" + CHAT]
)
def test_usage_is_in_what_is_a_little_off(lines, body):
    """A response that is not quite JSON counts as well as a stream would, whatever its content type."""
    value, notes = same(recorded(body, *lines))
    assert json.loads(value)["usage"] == {"prompt_tokens": 40, "completion_tokens": 9}
    assert len(notes) == (0 if body.startswith(b"\n") else 1)


def test_stream_that_is_cut_off_inside_its_encoding():
    """What came before the break is folded, and is not taken for the whole."""
    compressor = zlib.compressobj(wbits=31)
    body = compressor.compress(EVENT) + compressor.flush(zlib.Z_SYNC_FLUSH)
    value, notes = same(recorded(body, SSE, GZIP))
    assert json.loads(value)["choices"][0]["message"]["content"] == "Hi"
    assert notes == [f"cut off after {len(EVENT)} decoded bytes"]


def test_large_answer_that_nobody_wants_is_not_read():
    """It stands in the record by size, hash and head, with its reason."""
    body = CHAT + b" " * 5000
    value, notes = same(recorded(body, log_max_payload_bytes=2000))
    assert (value["size"], value.limit) == (len(body), 2000)
    assert notes == ["larger than 2000 bytes, recorded by size, hash and head"]
    _, notes = same(recorded(b'{"x":"' + b"x" * 5000 + b'"}', log_max_payload_bytes=2000))
    assert notes == ["larger than 2000 bytes, recorded by size, hash and head: its usage is not counted"]


def test_large_answer_that_an_asynchronous_processor_wants():
    """It is read up to what the bus takes."""
    row = {"processors": [[processor("one", **{"async": True})]]}
    body = CHAT + b" " * 300_000
    value, notes = same(recorded(body, log_max_payload_bytes=2000, response=row))
    assert (value, notes) == (body, [])
    value, notes = same(recorded(body, log_max_payload_bytes=2000, response=row, bus=100_000))
    assert (value.limit, notes) == (100_000, ["larger than 100000 bytes, recorded by size, hash and head"])


def test_answer_that_unpacks_to_more_than_is_kept():
    """9 MB in some kilobytes: that it cannot be decoded would be untrue."""
    body = b'{"data":"' + b"x" * (9 << 20) + b'"}'
    value, notes = same(recorded(gzip.compress(body), GZIP))
    assert value["head"].startswith('{"data":"xxx')
    assert notes == [
        "decoded body larger than 8388608 bytes, recorded by size, hash and head: its usage is not counted"
    ]


def test_stream_that_folds_to_more_than_is_read():
    """An image in one line: the response that it amounts to is too large, too."""
    body = EVENT.replace(b"Hi", b"i" * 300_000)
    value, notes = same(recorded(body, SSE, log_max_payload_bytes=100_000))
    assert value.limit == 100_000
    assert notes == [
        "larger than 100000 bytes when it is folded, recorded by size, hash and head: its usage is not counted"
    ]
    value, notes = same(recorded(body, SSE))
    assert json.loads(value)["choices"][0]["message"]["content"] == "i" * 300_000
    assert notes == []


@pytest.mark.parametrize("lines", [[GZIP], [SSE, GZIP], [(b"Content-Encoding", b"what")]])
def test_no_body(lines):
    """A response to HEAD, a 304: nothing is recorded, and nothing is wrong with it."""
    assert same(recorded(b"", *lines)) == ("", [])


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"\n"])
def test_array_that_is_a_little_off(start):
    """Gemini's array of chunks is folded, whatever stands before it and in it."""
    chunk = b'{"candidates":[{"content":{"parts":[{"text":"%b"}]}}],"usageMetadata":{"totalTokenCount":%d},"avg":NaN}'
    body = start + b"[" + chunk % (b"a", 1) + b",\n" + chunk % (b"b\xff", 2) + b"]"
    value, notes = same(recorded(body, (b"Content-Type", b"application/json")))
    value = json.loads(value)
    assert value["usageMetadata"] == {"totalTokenCount": 2}
    assert value["candidates"][0]["content"]["parts"] == [{"text": "ab\ufffd"}]
    assert notes == []
