"""Each pair of dialects: what a provider says reaches the client, whole and streamed, however the stream is cut."""

import json
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog import rawjson
from gecholog.llm.chat import ChatRequest, Reasoning, Text, ToolCall
from gecholog.llm.chat_dialect import ReplyContext, Target
from gecholog.llm.dialects.chat_table import CHAT_DIALECTS
from gecholog.llm.errors import UnsupportedParameterError
from gecholog.llm.event import Event
from gecholog.llm.folding import fold
from gecholog.llm.framing import events_of
from gecholog.llm.translate import Translation
from gecholog.llm.whole_as_deltas import deltas_of
from tests.gecholog.llm.dialects import neutral
from tests.gecholog.llm.samples import CALM, NDJSON, SSE

CLIENTS = [dialect for dialect in CHAT_DIALECTS.values() if dialect.read_request is not None]
PAIRS = [pytest.param(*pair, id=f"{pair[0].name}-{pair[1].name}") for pair in permutations(CLIENTS, 2)]

KEEP_ALIVE = b": keep-alive\n\n"  # a comment; whether one is sent depends on how the stream is cut


def context(*, is_streamed):
    request = ChatRequest("any", (), is_streamed=is_streamed, wants_usage=True)
    return ReplyContext(request, "1f", 1700000000, "any")


def translation(client, provider, *, is_streamed):
    told = context(is_streamed=is_streamed)
    return Translation(client, provider, told.request, told)


def said(response):
    """What an answer says: its texts, its reasoning, its calls and why it ended."""
    (choice,) = response.choices
    texts = "".join(part.text for part in choice.parts if isinstance(part, Text))
    thoughts = "".join(part.text for part in choice.parts if isinstance(part, Reasoning))
    calls = [(part.id, part.name, json.loads(part.arguments)) for part in choice.parts if isinstance(part, ToolCall)]
    return texts, thoughts, calls, choice.finish_reason


def streamed(dialect, data):
    """The deltas of a stream of a dialect."""
    reader = dialect.stream_reader()
    found = [delta for name, value in events_of(data, SSE) for delta in reader.read(Event(name, value))]
    return found + reader.end()


@pytest.mark.parametrize(("client", "provider"), PAIRS)
@CALM
@given(neutral.RESPONSES)
def test_whole_answers(client, provider, response):
    """Nothing that was said is lost on the way."""
    sent = json.dumps(provider.write_response(response, context(is_streamed=False))).encode()
    got = translation(client, provider, is_streamed=False).response(sent, "application/json")
    assert said(client.read_response(json.loads(got))) == said(response)


@pytest.mark.parametrize(("client", "provider"), PAIRS)
@CALM
@given(neutral.RESPONSES, st.lists(st.integers(0, 9999), max_size=8))
def test_streams(client, provider, response, places):
    """However a stream is cut, the client's is the same; and it says what the provider said."""
    writer = provider.stream_writer(context(is_streamed=True))
    sent = b"".join([*map(writer.write, deltas_of(response)), writer.end()])
    whole = through(client, provider, [sent])
    assert through(client, provider, neutral.split(sent, places)) == whole
    assert text_of(streamed(client, whole)) == text_of(deltas_of(response))


def through(client, provider, pieces):
    stream = translation(client, provider, is_streamed=True).stream()
    return b"".join([*map(stream.feed, pieces), stream.flush()]).replace(KEEP_ALIVE, b"")


def text_of(deltas):
    return "".join(delta.text for delta in deltas if type(delta).__name__ in ("TextDelta", "ArgumentsDelta"))


@pytest.mark.parametrize("provider", CHAT_DIALECTS.values(), ids=CHAT_DIALECTS)
@CALM
@given(neutral.requests())
def test_requests(provider, request):
    """A request is written for any provider, or it is told what that cannot express; its texts are all there."""
    try:
        body = provider.write_request(request, Target("any")).body
    except UnsupportedParameterError:
        return
    found = list(strings(body))
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, Text):
                assert any(part.text in text for text in found)


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


@pytest.mark.parametrize("provider", CHAT_DIALECTS.values(), ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("client", CLIENTS, ids=lambda dialect: dialect.name)
def test_streams_that_end_early(client, provider):
    """The error is the same for all providers; OpenAI's clients get its code as well."""
    data = through(client, provider, [])
    assert b"ended before the answer was complete" in data
    assert (b'"code":"upstream_error"' in data) == (client.name != "anthropic")
    assert (b'"type":"api_error"' in data) == (client.name != "openai_responses")


BIG = 123456789012345678901234567890
CALLS = {
    "gemini": b'data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"n":%d}}}]},'
    b'"finishReason":"STOP"}]}\r\n\r\n' % BIG,
    "ollama": b'{"message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":'
    b'{"n":%d}}}]},"done":true}\n' % BIG,
}


@pytest.mark.parametrize("client", CLIENTS, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("provider", CALLS)
@CALM
@given(places=st.lists(st.integers(0, 200), max_size=4))
def test_big_integers_in_streams(client, provider, places):
    """Arguments that came as an object keep all digits of their integers, and the record can still be written."""
    data = CALLS[provider]
    sent = through(client, CHAT_DIALECTS[provider], neutral.split(data, places))
    (arguments,) = {
        json.loads(part.text)["n"] for part in streamed(client, sent) if type(part).__name__ == "ArgumentsDelta"
    }
    assert arguments == BIG
    assert rawjson.dumps(fold(data, SSE if provider == "gemini" else NDJSON, completed=True))
