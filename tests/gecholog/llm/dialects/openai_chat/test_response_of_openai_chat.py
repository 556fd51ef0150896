"""Whole answers of chat completions, read into the neutral form and written from it, and errors."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion

from gecholog.llm.chat import (
    ChatRequest,
    ChatResponse,
    Choice,
    Citation,
    FinishReason,
    Image,
    Message,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
)
from gecholog.llm.chat_dialect import ReplyContext, Target
from gecholog.llm.dialects.openai_chat.dialect import CHAT
from gecholog.llm.errors import ErrorInfo, InvalidResponseError
from gecholog.llm.usage import Usage
from gecholog.llm.usage_shapes import TokenDetails
from tests.gecholog.llm.dialects import neutral
from tests.gecholog.llm.samples import CALM

CONTEXT = ReplyContext(ChatRequest("any", ()), "1f", 1700000000, "any")


def body(message, finish_reason="stop", **more):
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish_reason}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 5, "model": "m", "choices": [choice], **more}


def read(message, finish_reason="stop", **more):
    return CHAT.read_response(body(message, finish_reason, **more))


def parts(message, finish_reason="stop"):
    return read(message, finish_reason).choices[0].parts


def reason(message, finish_reason):
    return read(message, finish_reason).choices[0].finish_reason


def write(*said, reason=FinishReason.STOP):
    return CHAT.write_response(ChatResponse((Choice(said, reason),)), CONTEXT)["choices"][0]


def call(identity="call_1", arguments="{}", name="weather"):
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize(
    "message",
    [
        {"content": "Yes.", "reasoning_content": "Hm."},
        {"content": "Yes.", "reasoning": "Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
        {"content": "Yes.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
                {"type": "text", "text": "Yes."},
            ]
        },
    ],
)
def test_reasoning_has_many_names(message):
    """Whatever an API calls it, and however often it sends it, it is there once."""
    assert parts(message) == (Reasoning("Hm."), Text("Yes."))


@pytest.mark.parametrize("nothing", [None, [], [{"id": "", "type": "", "function": {"name": "", "arguments": ""}}]])
def test_no_calls(nothing):
    """Null, an empty list, and a call without a name are no calls."""
    assert parts({"content": "Yes.", "tool_calls": nothing}) == (Text("Yes."),)


@pytest.mark.parametrize(
    ("written", "found"),
    [("", "{}"), ("null", "{}"), ({"a": 1}, '{"a":1}'), (None, "{}"), ('{"a', '{"a')],
)
def test_arguments(written, found):
    """No arguments are an empty object; an object becomes text; what was cut off stays as it is."""
    assert parts({"content": None, "tool_calls": [call(arguments=written)]}) == (ToolCall("call_1", "weather", found),)


def test_finish_reasons():
    """Calls and refusals count, whatever word an API has for the end."""
    assert reason({"content": "a"}, "stop") is FinishReason.STOP
    assert reason({"content": "a"}, "model_length") is FinishReason.LENGTH
    assert reason({"content": None, "tool_calls": [call()]}, "stop") is FinishReason.TOOL_CALLS
    assert reason({"content": None, "refusal": "No."}, "stop") is FinishReason.REFUSAL
    assert reason({"content": "a"}, "") is None


def test_choice_without_message():
    """Azure's filter leaves nothing but the reason."""
    found = CHAT.read_response({"choices": [{"index": 0, "finish_reason": "content_filter"}]})
    assert found.choices == (Choice((), FinishReason.CONTENT_FILTER),)


def test_citations_and_images():
    """Sources and images are read and written alike."""
    cited = {"url": "https://a.example", "title": "A", "start_index": 0, "end_index": 4}
    message = {
        "content": "Yes.",
        "annotations": [{"type": "url_citation", "url_citation": cited}],
        "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAEC"}}],
    }
    found = parts(message)
    assert found == (
        Text("Yes.", citations=(Citation("https://a.example", "A", "", 0, 4),)),
        Image(data="AAEC", media_type="image/png"),
    )
    assert write(*found)["message"].items() >= message.items()


def test_places_of_citations_are_those_in_the_whole_text():
    """Parts become one text; a source without a place belongs to all of its part."""
    message = write(Text("One. "), Text("Two.", citations=(Citation("https://a.example"),)))["message"]
    assert message["content"] == "One. Two."
    cited = message["annotations"][0]["url_citation"]
    assert (cited["start_index"], cited["end_index"]) == (5, 9)


def test_answers_without_choices():
    """An error with the status of a success is no answer."""
    with pytest.raises(InvalidResponseError):
        CHAT.read_response({"error": {"message": "No."}})


def test_writes_what_clients_need():
    """Ids are made where there are none, and content is there, if only as null."""
    choice = write(ToolCall("", "a", ""), ToolCall("", "b", "{}"), reason=None)
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    first, second = choice["message"]["tool_calls"]
    assert first["id"] != second["id"]
    assert first["function"]["arguments"] == "{}"
    assert write(Refusal("No."), reason=FinishReason.REFUSAL)["finish_reason"] == "stop"
    assert write(reason=FinishReason.REFUSAL)["finish_reason"] == "content_filter"


def test_function_call():
    """A client that sends functions gets its call in the form that it knows."""
    request = CHAT.read_request({"model": "any", "messages": [], "functions": [{"name": "a"}]})
    assert request.parallel_tool_calls is False
    legacy = ReplyContext(request, "1f", 0, "any")
    response = ChatResponse((Choice((ToolCall("x", "a", "{}"), ToolCall("y", "b", "{}")), FinishReason.TOOL_CALLS),))
    (choice,) = CHAT.write_response(response, legacy)["choices"]
    assert choice["finish_reason"] == "function_call"
    assert choice["message"]["function_call"] == {"name": "a", "arguments": "{}"}
    assert "tool_calls" not in choice["message"]
    (choice,) = CHAT.write_response(ChatResponse((Choice((Text("Hi."),), FinishReason.STOP),)), legacy)["choices"]
    assert choice["finish_reason"] == "stop"


def test_signatures_come_back():
    """A signed block is beside the text of the reasoning."""
    message = write(Reasoning("Hm.", "s", "anthropic"), Text("Yes."))["message"]
    assert message["reasoning_content"] == "Hm."
    assert message["thinking_blocks"] == [{"type": "thinking", "thinking": "Hm.", "signature": "s"}]
    assert parts(message) == (Reasoning("Hm.", "s", "anthropic"), Text("Yes."))


def test_details_of_openrouter():
    """They come back to it as they were, and go to nobody else."""
    details = [
        {"type": "reasoning.text", "text": "Hm.", "signature": "s", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "d", "id": "r", "index": 1},
    ]
    thoughts = parts({"content": "Yes.", "reasoning": "Hm.", "reasoning_details": details})[:2]
    assert (thoughts[0].text, thoughts[0].origin, thoughts[1].is_redacted) == ("Hm.", "openrouter", True)
    request = ChatRequest("any", (Message(Role.ASSISTANT, thoughts),))
    (sent,) = CHAT.write_request(request, Target("any", profile="openrouter")).body["messages"]
    assert sent["reasoning_details"] == details
    (sent,) = CHAT.write_request(request, Target("any", profile="deepseek")).body["messages"]
    assert "reasoning_details" not in sent


def test_usage():
    """Details are there only if they are known; the total is a sum."""
    usage = Usage(
        prompt_tokens=10,
        completion_tokens=5,
        cached_tokens=4,
        cache_creation_tokens=3,
        reasoning_tokens=2,
        details=TokenDetails(audio_input=1, audio_output=0),
    )
    written = CHAT.write_response(ChatResponse((Choice(),), usage=usage), CONTEXT)["usage"]
    assert written == {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3, "audio_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 0},
    }


@CALM
@given(neutral.RESPONSES)
def test_what_was_written_is_read_again(response):
    """Nothing gets lost on the way through the dialect; only the time is new."""
    written = CHAT.write_response(response, CONTEXT)
    found = CHAT.read_response(json.loads(json.dumps(written)))
    assert (found.choices, found.id, found.model) == (response.choices, response.id, response.model)
    assert found.usage == response.usage


@CALM
@given(neutral.RESPONSES)
def test_openai_reads_what_was_written(response):
    """The official SDK's types take it."""
    ChatCompletion.model_validate(CHAT.write_response(response, CONTEXT), strict=True)


@CALM
@given(
    neutral.mangled(
        body(
            {
                "content": [{"type": "text", "text": "a"}],
                "tool_calls": [call()],
                "thinking_blocks": [{"type": "thinking", "thinking": "a", "signature": "b"}],
                "annotations": [{"url_citation": {"url": "x"}}],
            },
            usage={"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 1}},
        )
    )
)
def test_any_answer_is_read_or_refused(value):
    """Whatever a provider sends, nothing but the error of translation is raised."""
    if isinstance(value, dict):
        with suppress(InvalidResponseError):
            CHAT.write_response(CHAT.read_response(value), CONTEXT)


# ------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("told", "message", "code"),
    [
        ({"error": {"message": "Slow.", "type": "requests", "param": None, "code": "rate"}}, "Slow.", "rate"),
        ({"error": {"message": "Slow.", "code": 429}}, "Slow.", "429"),
        ({"error": {"message": "Failed", "code": 5, "metadata": {"raw": "Slow."}}}, "Failed: Slow.", "5"),
        ({"error": "Slow."}, "Slow.", None),
        ({"code": "x", "error": "Slow."}, "Slow.", "x"),
        ({"object": "error", "message": "Slow.", "code": "1300"}, "Slow.", "1300"),
        ({"detail": "Slow."}, "Slow.", None),
    ],
)
def test_reads_errors_of_all_shapes(told, message, code):
    """The APIs that speak like OpenAI each have a form of their own."""
    found = CHAT.read_error(429, json.dumps(told).encode())
    assert (found.status, found.message, found.code) == (429, message, code)


def test_writes_errors():
    """The kind is OpenAI's, the provider's own word the code."""
    error = CHAT.write_error(ErrorInfo(529, "Busy.", "overloaded_error"))["error"]
    assert error == {"message": "Busy.", "type": "api_error", "param": None, "code": "overloaded_error"}


@CALM
@given(st.one_of(st.binary(max_size=60), neutral.JSON.map(lambda value: json.dumps(value).encode())))
def test_any_error_is_read(data):
    """Whatever comes with a status of failure, there is a message."""
    assert CHAT.read_error(500, data).message
