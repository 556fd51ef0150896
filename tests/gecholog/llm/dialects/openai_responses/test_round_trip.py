"""What is written in the dialect of responses says the same when it is read again, by us and by OpenAI's client."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from gecholog.llm import json_text
from gecholog.llm.chat import ChatRequest, ChatResponse, Reasoning, ReasoningConfig, Refusal, Text, ToolCall
from gecholog.llm.chat_dialect import ReplyContext, Target
from gecholog.llm.deltas import (
    ArgumentsDelta,
    Delta,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallStarted,
    UsageSeen,
)
from gecholog.llm.dialects.openai_responses.dialect import CHAT
from gecholog.llm.dialects.openai_responses.request_reader import read_request
from gecholog.llm.dialects.openai_responses.response_reader import read_response
from gecholog.llm.dialects.openai_responses.response_writer import write_response
from gecholog.llm.dialects.openai_responses.stream_reader import ResponsesStreamReader
from gecholog.llm.dialects.openai_responses.stream_writer import ResponsesStreamWriter
from gecholog.llm.sse import SseDecoder
from gecholog.llm.turns import turns_of
from gecholog.llm.whole_as_deltas import deltas_of
from tests.gecholog.llm.chats import requests, responses

CONTEXT = ReplyContext(ChatRequest("m", ()), "id1", 1, "asked")
EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


@given(requests())
def test_requests(request: ChatRequest) -> None:
    request = replace(request, stop=())  # the API has none
    written = CHAT.write_request(request, Target("gpt-5"))
    assert written.dropped == ()
    read = read_request(json_text.loads(json_text.dumps(written.body)))
    wanted = request.reasoning and ReasoningConfig(True, request.reasoning.effort, shows_text=True)
    tools = tuple(replace(tool, strict=bool(tool.strict)) for tool in request.tools)
    assert turns_of(read.messages) == turns_of(request.messages)  # results are items of their own
    expected = replace(request, model="gpt-5", reasoning=wanted, tools=tools, wants_usage=True)
    assert replace(read, messages=()) == replace(expected, messages=())


@given(responses())
def test_answers(response: ChatResponse) -> None:
    written = json_text.loads(json_text.dumps(write_response(response, CONTEXT)))
    read = read_response(written)
    assert read == replace(response, id="resp_id1", created=1, usage=read.usage)
    assert read.usage is not None
    assert response.usage is not None
    assert read.usage.counts() == response.usage.counts()
    Response.model_validate(written, strict=True)


@given(responses(), st.lists(st.integers(1, 60), max_size=30))
def test_streams(response: ChatResponse, cuts: list[int]) -> None:
    deltas = [delta for delta in deltas_of(response) if not isinstance(delta, UsageSeen)]
    data = _written(deltas)
    decoder, reader, read = SseDecoder(), ResponsesStreamReader(), []
    for cut in cuts:
        read += [delta for event in decoder.feed(data[:cut]) for delta in reader.read(event)]
        data = data[cut:]
    read += [delta for event in [*decoder.feed(data), *decoder.flush()] for delta in reader.read(event)]
    assert reader.end() == []
    assert read == [Started("resp_id1", response.model), *map(_numbered, deltas[1:])]


def _written(deltas: list[Delta]) -> bytes:
    writer = ResponsesStreamWriter(CONTEXT)
    return b"".join(map(writer.write, deltas)) + writer.end()


def _numbered(delta: Delta) -> Delta:
    return replace(delta, part=0) if isinstance(delta, TextDelta) else delta


def events_of(*deltas: Delta) -> list[dict[str, Any]]:
    """The events of a stream, each one checked by the types of OpenAI's client."""
    found = [event.value for event in SseDecoder().feed(_written(list(deltas)))]
    for event in found:
        EVENTS.validate_python(event)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


def test_the_last_event_holds_what_the_others_told() -> None:
    events = events_of(
        Started("x", "m"),
        ReasoningDelta("hm"),
        ReasoningDelta(signature="c2ln", origin="anthropic"),
        TextDelta("one"),
        TextDelta("two", part=1),
        RefusalDelta("no"),
        ToolCallStarted(0, "a", "look", "Y2FsbA==", "gemini"),
        ToolCallStarted(1, "b", "find"),
        ArgumentsDelta(1, '{"n":'),
        ArgumentsDelta(0, "{}"),
        ArgumentsDelta(1, "1}"),
        Finished(None),
    )
    output = events[-1]["response"]["output"]
    assert [event["item"] for event in events if event["type"] == "response.output_item.done"] == output
    assert [item["type"] for item in output] == ["reasoning", "message", "reasoning", "function_call", "function_call"]
    request = read_request({"model": "m", "input": output})
    assert [message.parts for message in request.messages] == [
        (
            Reasoning("hm", "c2ln", "anthropic"),
            Text("one"),
            Text("two"),
            Refusal("no"),
            ToolCall("a", "look", "{}", "Y2FsbA==", "gemini"),
            ToolCall("b", "find", '{"n":1}'),
        )
    ]


def test_redacted_thoughts_come_back_as_such() -> None:
    redacted = ReasoningDelta(signature="c2ln", origin="anthropic", is_redacted=True)
    output = events_of(Started("x", "m"), redacted, Finished(None))[-1]["response"]["output"]
    parts = read_request({"model": "m", "input": output}).messages[0].parts
    assert parts == (Reasoning(signature="c2ln", origin="anthropic", is_redacted=True),)
