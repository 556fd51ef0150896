"""Streams of chat completions, read into deltas and written from them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk

from gecholog.llm import translate
from gecholog.llm.chat import ChatRequest, Citation, FinishReason
from gecholog.llm.chat_dialect import ReplyContext
from gecholog.llm.deltas import (
    ArgumentsDelta,
    Failed,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallStarted,
    UsageSeen,
)
from gecholog.llm.dialects.openai_chat.dialect import CHAT
from gecholog.llm.errors import ErrorInfo
from gecholog.llm.event import Event
from gecholog.llm.usage import Usage
from gecholog.llm.whole_as_deltas import deltas_of
from tests.gecholog.llm.dialects import neutral
from tests.gecholog.llm.samples import CALM, chunk, sse

DONE = b"data: [DONE]\n\n"


def deltas(*values, name=""):
    reader = CHAT.stream_reader()
    found = [delta for value in values for delta in reader.read(Event(name, value))]
    return found + reader.end()


def context(*, wants_usage=True):
    return ReplyContext(ChatRequest("any", (), is_streamed=True, wants_usage=wants_usage), "1f", 1700000000, "any")


def written(*found, wants_usage=True):
    writer = CHAT.stream_writer(context(wants_usage=wants_usage))
    return b"".join([*map(writer.write, found), writer.end()])


def chunks(data):
    return [json.loads(event[6:]) for event in data.removesuffix(DONE).decode().split("\n\n") if event]


def piece(index, **fields):
    return chunk({"tool_calls": [{"index": index, **fields} if index is not None else fields]})


# ------------------------------------------------------------------ reading


def test_a_stream():
    """It starts, says something, tells its usage, and ends with its reason."""
    found = deltas(
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Yes"}),
        chunk({"content": "."}),
        chunk({}, finish_reason="stop"),
        chunk(None, usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}),
    )
    assert found == [
        Started("chatcmpl-1", "gpt-5-mini"),
        TextDelta("Yes"),
        TextDelta("."),
        UsageSeen(Usage(prompt_tokens=1, completion_tokens=2, total_tokens=3)),
        Finished(FinishReason.STOP),
    ]


def test_chunks_that_tell_nothing():
    """The filter's results come before the id is known, and in choices without delta."""
    first = {"choices": [], "id": "", "model": "", "prompt_filter_results": []}
    filtered = {"choices": [{"index": 0, "content_filter_results": {}}], "id": "", "model": ""}
    found = deltas(first, chunk({"content": "a"}), filtered, chunk({}, finish_reason="stop"))
    assert found == [Started("chatcmpl-1", "gpt-5-mini"), TextDelta("a"), Finished(FinishReason.STOP)]


def test_what_comes_with_the_reason_and_behind_it():
    """The last chunk may hold text and calls, and the reason may come twice."""
    last = {"content": "b", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]}
    found = deltas(chunk({"content": "a"}), chunk(last, finish_reason="stop"), chunk({}, finish_reason="stop"))
    assert found[1:] == [
        TextDelta("a"),
        TextDelta("b"),
        ToolCallStarted(0, "c", "f"),
        ArgumentsDelta(0, "{}"),
        Finished(FinishReason.TOOL_CALLS),
    ]


@pytest.mark.parametrize(
    "pieces",
    [
        # OpenAI's, in pieces that may alternate
        [
            piece(0, id="a", function={"name": "f", "arguments": ""}),
            piece(1, id="b", function={"name": "g", "arguments": "{"}),
            piece(0, function={"arguments": '{"x":1}'}),
            piece(1, function={"arguments": "}"}),
        ],
        # without an index, or all with the same
        *(
            [
                piece(index, id="a", function={"name": "f", "arguments": '{"x":1}'}),
                piece(index, id="b", function={"name": "g", "arguments": "{}"}),
            ]
            for index in (None, 0)
        ),
        # indexes that do not begin with 0
        [
            piece(1, id="a", function={"name": "f", "arguments": '{"x":1}'}),
            piece(2, id="b", function={"name": "g", "arguments": "{}"}),
        ],
        # a name that comes late, arguments as an object, and a place that is not used
        [
            piece(0, id="a", function={"arguments": ""}),
            piece(0, function={"name": "f", "arguments": {"x": 1}}),
            piece(1, id="b", function={"name": "g", "arguments": "{}"}),
            piece(2, id="", function={"name": "", "arguments": ""}),
        ],
    ],
)
def test_parallel_calls(pieces):
    """However an API cuts them, there are two calls with their own arguments."""
    found = deltas(*pieces, chunk({}, finish_reason="tool_calls"))
    calls = [(delta.index, delta.id, delta.name) for delta in found if isinstance(delta, ToolCallStarted)]
    arguments = {
        index: "".join(delta.text for delta in found if isinstance(delta, ArgumentsDelta) and delta.index == index)
        for index in (0, 1)
    }
    assert calls == [(0, "a", "f"), (1, "b", "g")]
    assert arguments == {0: '{"x":1}', 1: "{}"}


def test_reasoning_and_signatures():
    """The text comes in pieces, the signature with the block at its end."""
    block = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
    found = deltas(
        chunk({"reasoning_content": "H"}),
        chunk({"reasoning": "m."}),
        chunk({"thinking_blocks": [block]}),
        chunk({"content": "a"}, finish_reason="stop"),
    )
    assert found[1:4] == [
        ReasoningDelta("H"),
        ReasoningDelta("m."),
        ReasoningDelta("", "s", "anthropic"),
    ]


def test_signatures_of_openrouter():
    """The detail that has one ends a part of the reasoning."""
    found = deltas(
        chunk({"reasoning": "Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm.", "index": 0}]}),
        chunk({"reasoning_details": [{"type": "reasoning.text", "signature": "s", "index": 0}]}),
        chunk({"content": "a"}, finish_reason="stop"),
    )
    first, second = (delta for delta in found if isinstance(delta, ReasoningDelta))
    assert (first.text, second.text, second.origin) == ("Hm.", "", "openrouter")
    assert '"signature":"s"' in second.signature


@pytest.mark.parametrize(
    "failing",
    [
        {"error": {"message": "Busy.", "code": 429}},
        {"error": {"message": "Busy.", "code": "429"}, "choices": [{"index": 0, "delta": {"content": "a"}}]},
    ],
)
def test_errors_in_a_stream(failing):
    """An error ends it, even beside a choice."""
    found = deltas(chunk({"content": "a"}), failing, chunk({"content": "b"}), chunk({}, finish_reason="stop"))
    assert isinstance(found[-1], Failed)
    assert (found[-1].error.status, found[-1].error.message) == (429, "Busy.")
    assert TextDelta("b") not in found


def test_named_errors():
    """Groq names the event of an error."""
    assert deltas({"message": "Bad call."}, name="error") == [Failed(ErrorInfo(500, "Bad call."))]


def test_streams_that_break_off():
    """Without a reason for its end, an answer is not complete."""
    assert isinstance(deltas(chunk({"content": "a"}))[-1], Failed)
    assert isinstance(deltas()[-1], Failed)


@CALM
@given(st.lists(neutral.mangled(piece(0, id="a", function={"name": "f", "arguments": "{}"})), max_size=4))
def test_any_events_are_read(values):
    """Nothing raises, and what comes out can be written."""
    found = deltas(*(value for value in values if isinstance(value, dict)))
    written(*found)


# ------------------------------------------------------------------ writing


def test_writes_a_stream():
    """Role first, reason once, usage last, and the mark of the end."""
    usage = Usage(prompt_tokens=1, completion_tokens=2)
    data = written(Started("id-1", "m"), TextDelta("a"), UsageSeen(usage), Finished(FinishReason.STOP))
    first, text, last, counts = chunks(data)
    assert data.endswith(DONE)
    assert {value["id"] for value in (first, text, last, counts)} == {"id-1"}
    assert first["choices"][0]["delta"]["role"] == "assistant"
    assert text["choices"][0]["delta"] == {"content": "a"}
    assert last["choices"][0]["finish_reason"] == "stop"
    assert (counts["choices"], counts["usage"]["total_tokens"]) == ([], 3)


def test_usage_only_where_it_was_asked_for():
    """There is no chunk with it otherwise."""
    data = written(Started(), UsageSeen(Usage(prompt_tokens=1)), Finished(None), wants_usage=False)
    assert b"usage" not in data


def test_writes_calls():
    """A call without arguments gets an empty object: clients read it as JSON."""
    found = chunks(
        written(
            Started(),
            ToolCallStarted(0, "", "f"),
            ToolCallStarted(1, "b", "g", "sig", "gemini"),
            ArgumentsDelta(1, '{"x":'),
            ArgumentsDelta(1, "1}"),
            Finished(FinishReason.STOP),
        )
    )
    calls = [call for value in found for choice in value["choices"] for call in choice["delta"].get("tool_calls", [])]
    assert calls[0]["id"]
    assert calls[1]["extra_content"] == {"google": {"thought_signature": "sig"}}
    assert [(call["index"], call["function"]["arguments"]) for call in calls[2:]] == [
        (1, '{"x":'),
        (1, "1}"),
        (0, "{}"),
    ]
    assert found[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_function_call():
    """A client that sends functions gets its call in the form that it knows."""
    request = CHAT.read_request({"model": "any", "messages": [], "functions": [{"name": "f"}], "stream": True})
    writer = CHAT.stream_writer(ReplyContext(request, "1f", 0, "any"))
    said = (ToolCallStarted(0, "x", "f"), ArgumentsDelta(0, "{}"), ToolCallStarted(1, "y", "g"), Finished(None))
    data = b"".join([*map(writer.write, (Started(), *said)), writer.end()])
    pieces = [value["choices"][0] for value in chunks(data)]
    calls = [piece["delta"]["function_call"] for piece in pieces if "function_call" in piece["delta"]]
    assert calls == [{"name": "f", "arguments": ""}, {"arguments": "{}"}]
    assert pieces[-1]["finish_reason"] == "function_call"
    assert b"tool_calls" not in data


def test_writes_blocks_whole():
    """The signature comes with all of the text that it signs."""
    found = chunks(
        written(
            Started(),
            ReasoningDelta("H"),
            ReasoningDelta("m."),
            ReasoningDelta("", "s", "anthropic"),
            ReasoningDelta("", "d", "anthropic", is_redacted=True),
            Finished(None),
        )
    )
    blocks = [block for value in found for block in value["choices"][0]["delta"].get("thinking_blocks", [])]
    assert blocks == [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
    ]


def test_writes_refusals_and_citations():
    """A refusal has its own field; the place of a source is that in the whole text."""
    found = chunks(
        written(
            Started(),
            TextDelta("One."),
            TextDelta("Two.", part=1, citations=(Citation("https://a.example"),)),
            RefusalDelta("No."),
            Finished(FinishReason.REFUSAL),
        )
    )
    cited = found[2]["choices"][0]["delta"]["annotations"][0]["url_citation"]
    assert (cited["start_index"], cited["end_index"]) == (4, 8)
    assert found[3]["choices"][0]["delta"] == {"refusal": "No."}


def test_errors_end_a_stream():
    """As the SDKs raise them."""
    writer = CHAT.stream_writer(context())
    assert chunks(writer.write(Failed(ErrorInfo(429, "Busy."))))[0]["error"]["type"] == "rate_limit_error"


@CALM
@given(neutral.RESPONSES, st.lists(st.integers(0, 9999), max_size=8))
def test_any_split_gives_the_same(response, places):
    """What was written is read again, however it is cut, and the SDK's types take it."""
    data = written(*deltas_of(response))
    for value in chunks(data):
        ChatCompletionChunk.model_validate(value)
    whole = translated([data])
    assert translated(neutral.split(data, places)) == whole
    assert whole == data


def translated(pieces):
    """A stream through reader and writer of the same dialect."""
    request = context().request
    made = translate.Translation(CHAT, CHAT, request, context()).stream()
    return b"".join([*map(made.feed, pieces), made.flush()])


def test_groq_and_moonshot():
    """Usage stands in other places."""
    counts = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    groq = {**chunk({}, finish_reason="stop"), "x_groq": {"usage": counts}}
    moonshot = chunk({}, finish_reason="stop")
    moonshot["choices"][0]["usage"] = counts
    for value in (groq, moonshot):
        assert UsageSeen(Usage(prompt_tokens=1, completion_tokens=2, total_tokens=3)) in deltas(value)


def test_reads_its_own_samples():
    """A stream as bytes, with a comment between its events."""
    data = b": waiting\n\n" + sse(chunk({"content": "a"}), chunk({}, finish_reason="stop"), done=True)
    assert b'"content":"a"' in translated([data])
