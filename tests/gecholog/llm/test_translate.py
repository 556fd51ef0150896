"""Translation of a call: request, answer, stream and error, between two dialects."""

import json

import pytest

from gecholog.llm import translate
from gecholog.llm.chat_dialect import ChatDialect, ReplyContext, Target
from gecholog.llm.dialects.openai_chat.dialect import CHAT
from gecholog.llm.errors import ErrorInfo, InvalidRequestError, InvalidResponseError
from tests.gecholog.llm.samples import chunk, sse

# The same dialect under another name: all that is translated can be compared with what came.
OTHER = ChatDialect(
    name="other",
    write_request=CHAT.write_request,
    read_response=CHAT.read_response,
    stream_reader=CHAT.stream_reader,
    read_error=CHAT.read_error,
)
ASKED = {"model": "any", "messages": [{"role": "user", "content": "Hi."}]}
ANSWER = {
    "id": "x",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}],
}
STREAM = sse(chunk({"content": "Yes."}), chunk({}, finish_reason="stop"), done=True)


def made(**more):
    request = translate.read_request(CHAT, json.dumps({**ASKED, **more}).encode())
    return translate.Translation(CHAT, OTHER, request, ReplyContext(request, "1f", 1700000000, "any"))


def test_requests_with_small_errors():
    """What servers take that are not strict is read here, too; big numbers stay exact."""
    body = b'\xef\xbb\xbf{"model":"any","messages":[],"seed":123456789012345678901234567890}'
    assert translate.read_request(CHAT, body).hints == {"seed": 123456789012345678901234567890}
    for refused in (b"[]", b"{", b""):
        with pytest.raises(InvalidRequestError):
            translate.read_request(CHAT, refused)
    with pytest.raises(InvalidRequestError):
        translate.read_request(OTHER, b"{}")


def test_sends_the_name_of_the_provider():
    """The target's name of the model is in the body, and what was left out is told."""
    sent = made(custom=1).sent(Target("m", profile="openai"))
    assert json.loads(sent.body)["model"] == "m"
    assert sent.dropped == ("custom",)


def test_whole_answers():
    """An answer becomes one of the client's dialect, a stream that came unasked as well."""
    for body, kind in ((json.dumps(ANSWER).encode(), "application/json"), (STREAM, "text/event-stream")):
        answer = json.loads(made().response(body, kind))
        assert answer["choices"][0]["message"]["content"] == "Yes."


def test_whole_answer_for_a_client_that_wants_a_stream():
    """It is sent as a stream."""
    data = made(stream=True).response(json.dumps(ANSWER).encode(), "application/json")
    assert data.endswith(b"data: [DONE]\n\n")
    assert b'"content":"Yes."' in data


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>", "cannot be read"),
        (b"{}", "without choices"),
        (b'{"error":{"message":"Busy."}}', "Busy."),
    ],
)
def test_answers_that_are_none(body, message):
    """A page, JSON of another form, an error with the status of a success."""
    with pytest.raises(translate.TranslationError, match=message) as caught:
        made().response(body, "application/json")
    assert caught.value.error.status == 502
    assert isinstance(caught.value.__cause__, InvalidResponseError | None)


def test_errors():
    """The words of the provider in the form of the client."""
    assert json.loads(made().error(429, b"Slow."))["error"]["message"] == "Slow."


def test_streams():
    """Each event goes on at once, and the end comes with the end."""
    stream = made(stream=True).stream()
    first, _, rest = STREAM.partition(b"\n\n")
    assert not stream.has_output
    assert b"Yes." in stream.feed(first + b"\n\n")
    assert stream.has_output
    assert stream.error is None
    assert (stream.feed(rest) + stream.flush()).endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b": PROCESSING\n\n", b": keep-alive\n\n"),
        (b":\r\n\r\n: a\r\n", b": keep-alive\n\n"),
        (b'event: ping\ndata: {"type": "ping"}\n\n', b": keep-alive\n\n"),
        (b"\n\n", b""),
        (b"data: [DONE]\n\n", b""),
        (b": PROCESSING", b""),
    ],
)
def test_keeps_the_connection_alive(data, expected):
    """What a silent provider sends reaches the client as a comment."""
    stream = made(stream=True).stream()
    assert stream.feed(b"data: {}\n\n") == b""
    assert stream.feed(data) == expected


def test_streams_that_break_off():
    """The client is told, and nothing follows."""
    stream = made(stream=True).stream()
    stream.feed(STREAM.partition(b"\n\n")[0] + b"\n\n")
    assert b"gone" in stream.broke_off(ErrorInfo(502, "gone"))
    assert stream.error == ErrorInfo(502, "gone")
    assert stream.flush() == b""


def test_errors_in_streams():
    """An error is told once, and is the end."""
    stream = made(stream=True).stream()
    data = stream.feed(b'data: {"error":{"message":"Busy."}}\n\n' + STREAM)
    assert data.count(b"Busy.") == 1
    assert stream.error is not None
    assert stream.flush() == b""


@pytest.mark.parametrize("framing", ["lines", "array", "sse"])
def test_framings(framing):
    """Events come in various framings, however they are announced."""
    values = [chunk({"content": "Yes."}), chunk({}, finish_reason="stop")]
    data = {
        "lines": b"".join(json.dumps(value).encode() + b"\n" for value in values),
        "array": json.dumps(values).encode(),
        "sse": sse(*values),
    }[framing]
    stream = made(stream=True).stream()
    out = b"".join(stream.feed(data[at : at + 1]) for at in range(len(data))) + stream.flush()
    assert out.count(b'"content":"Yes."') == 1
    assert out.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("begin", [b"data: ", b"", b"["])
def test_an_event_that_is_too_large(begin):
    """The client is told, and nothing that follows is translated."""
    stream = made(stream=True).stream()
    piece = b" " * 1024**2
    out = [stream.feed(begin + b'{"x":"'), *(stream.feed(piece) for _ in range(34))]
    out += [stream.feed(b'"}\n\n'), stream.feed(STREAM), stream.flush()]
    data = b"".join(out)
    assert json.loads(data.removeprefix(b"data: "))["error"] == {
        "message": "the stream of the provider has an event that has more than 33554432 bytes",
        "type": "api_error",
        "param": None,
        "code": "upstream_error",
    }
    assert stream.error is not None


@pytest.mark.parametrize("framing", [b"data: %s\n\n", b"%s\n", b"[%s]"])
def test_an_event_that_is_nested_too_deep(framing):
    """It is not passed over: the client is told that a part of the answer is missing."""
    stream = made(stream=True).stream()
    deep = b'{"choices":[{"delta":{"content":"Yes.","x":' + b"[" * 2000 + b"]" * 2000 + b"}}]}"
    data = stream.feed(framing % deep) + stream.flush()
    assert "nested too deep" in json.loads(data.removeprefix(b"data: "))["error"]["message"]
