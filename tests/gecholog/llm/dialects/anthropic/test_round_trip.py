"""What is written in Anthropic's dialect says the same when it is read again."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gecholog.llm import json_text
from gecholog.llm.chat import ChatRequest, ChatResponse, Reasoning, ReasoningConfig, ToolCall, ToolMode
from gecholog.llm.chat_dialect import ReplyContext, Target
from gecholog.llm.deltas import ArgumentsDelta, Finished, ReasoningDelta, Started, TextDelta, ToolCallStarted
from gecholog.llm.dialects.anthropic.dialect import CHAT
from gecholog.llm.dialects.anthropic.response_reader import read_response
from gecholog.llm.dialects.anthropic.response_writer import write_response
from gecholog.llm.dialects.anthropic.stream_reader import MessagesStreamReader
from gecholog.llm.dialects.anthropic.stream_writer import MessagesStreamWriter
from gecholog.llm.sse import SseDecoder
from tests.gecholog.llm.chats import requests, responses

REQUEST = ChatRequest("m", ())
CONTEXT = ReplyContext(REQUEST, "id1", 1, "asked")


@given(requests())
def test_requests(request: ChatRequest) -> None:
    written = CHAT.write_request(request, Target("claude-sonnet-4-6"))
    assert CHAT.read_request is not None
    read = CHAT.read_request(json_text.loads(json_text.dumps(written.body)))
    assert read == replace(
        request,
        model="claude-sonnet-4-6",
        wants_usage=request.is_streamed,
        # Anthropic's formats have no name
        response_format=request.response_format and replace(request.response_format, name=""),
        **_tools(request, read),
        **_thinking(request, written.dropped),
    )


def _tools(request: ChatRequest, read: ChatRequest) -> dict[str, Any]:
    """Calls in the history want tools: those are named that were called."""
    if request.tools or not read.tools:
        return {}
    called = {part.name for message in request.messages for part in message.parts if isinstance(part, ToolCall)}
    assert {tool.name for tool in read.tools} == called
    assert read.tool_choice is not None
    assert read.tool_choice.mode is ToolMode.NONE
    return {"tools": read.tools, "tool_choice": read.tool_choice}


def _thinking(request: ChatRequest, dropped: tuple[str, ...]) -> dict[str, Any]:
    """Thinking is left out beside a forced tool, and leaves out what says how to draw words; the writer tells it."""
    lost: dict[str, Any] = {name: None for name in dropped if name in ("temperature", "top_p", "top_k")}
    if request.reasoning is None:
        assert dropped == ()
        return lost
    if "reasoning_effort" in dropped:
        assert request.tool_choice is not None
        assert request.tool_choice.mode in (ToolMode.REQUIRED, ToolMode.NAMED)
        return lost | {"reasoning": None}
    if request.temperature == 1:
        lost["temperature"] = None  # it is what thinking has
    return lost | {"reasoning": ReasoningConfig(True, request.reasoning.effort, -1)}


@given(responses())
def test_answers(response: ChatResponse) -> None:
    written = json_text.loads(json_text.dumps(write_response(response, CONTEXT)))
    assert read_response(written) == response


@given(responses(), st.lists(st.integers(1, 40), max_size=30))
def test_streams(response: ChatResponse, cuts: list[int]) -> None:
    writer = MessagesStreamWriter(CONTEXT)
    deltas = _deltas(response)
    data = b"".join(map(writer.write, deltas)) + writer.end()
    decoder, reader, read = SseDecoder(), MessagesStreamReader(), []
    for cut in cuts:
        read += [delta for event in decoder.feed(data[:cut]) for delta in reader.read(event)]
        data = data[cut:]
    read += [delta for event in [*decoder.feed(data), *decoder.flush()] for delta in reader.read(event)]
    assert reader.end() == []
    assert [delta for delta in read if type(delta).__name__ != "UsageSeen"] == deltas


def _deltas(response: ChatResponse) -> list[Any]:
    choice = response.choices[0]
    found: list[Any] = [Started(response.id, response.model)]
    calls = 0
    for part in choice.parts:
        if isinstance(part, ToolCall):
            found += [ToolCallStarted(calls, part.id, part.name), ArgumentsDelta(calls, part.arguments)]
            calls += 1
        else:
            found.append(TextDelta(part.text))  # type: ignore[union-attr]
    return [*found, Finished(choice.finish_reason)]


def test_calls_whose_pieces_come_by_turns_are_written_one_after_the_other() -> None:
    deltas: list[Any] = [
        Started("x", "m"),
        ToolCallStarted(0, "a", "first"),
        ToolCallStarted(1, "b", "second"),
        ArgumentsDelta(1, '{"n":'),
        ArgumentsDelta(0, '{"m":'),
        ArgumentsDelta(0, "1}"),
        ArgumentsDelta(1, "2}"),
    ]
    assert _read_again(deltas) == [
        Started("x", "m"),
        ToolCallStarted(0, "a", "first"),
        ArgumentsDelta(0, '{"m":'),
        ArgumentsDelta(0, "1}"),
        ToolCallStarted(1, "b", "second"),
        ArgumentsDelta(1, '{"n":'),
        ArgumentsDelta(1, "2}"),
    ]


def test_a_signature_of_another_provider_comes_back_as_its_own() -> None:
    deltas: list[Any] = [
        Started("x", "m"),
        ReasoningDelta("thought"),
        ReasoningDelta(signature="c2ln", origin="gemini"),
        ToolCallStarted(0, "a", "look", signature="Y2FsbA==", origin="gemini"),
        ArgumentsDelta(0, "{}"),
    ]
    writer = MessagesStreamWriter(CONTEXT)
    data = b"".join(map(writer.write, deltas)) + writer.end()
    content: list[dict[str, Any]] = []
    for event in SseDecoder().feed(data):
        match event.value:
            case {"type": "content_block_start", "content_block": dict(block)}:
                content.append(block)
            case {"type": "content_block_delta", "delta": {"thinking": text}}:
                content[-1]["thinking"] += text
            case {"type": "content_block_delta", "delta": {"signature": text}}:
                content[-1]["signature"] += text
    assert CHAT.read_request is not None
    read = CHAT.read_request({"model": "m", "messages": [{"role": "assistant", "content": content}]})
    assert read.messages[0].parts == (
        Reasoning("thought", "c2ln", "gemini"),
        ToolCall("a", "look", "{}", "Y2FsbA==", "gemini"),
    )


def _read_again(deltas: list[Any]) -> list[Any]:
    writer, reader = MessagesStreamWriter(CONTEXT), MessagesStreamReader()
    data = b"".join(map(writer.write, deltas)) + writer.end()
    read = [delta for event in SseDecoder().feed(data) for delta in reader.read(event)]
    return [delta for delta in read if type(delta).__name__ not in ("UsageSeen", "Finished")]


def test_many_calls_that_wait_for_each_other_are_written_in_linear_time() -> None:
    number = 3000
    deltas: list[Any] = [Started("x", "m"), *(ToolCallStarted(index, f"c{index}", "n") for index in range(number))]
    deltas += [ArgumentsDelta(index, "{}") for index in reversed(range(number))]
    read = _read_again(deltas)
    assert [delta.index for delta in read if isinstance(delta, ToolCallStarted)] == list(range(number))
    assert sum(isinstance(delta, ArgumentsDelta) for delta in read) == number
