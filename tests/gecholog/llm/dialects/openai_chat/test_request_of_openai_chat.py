"""Requests for chat completions, read into the neutral form and written from it."""

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.llm.chat import (
    Audio,
    ChatRequest,
    File,
    Image,
    Message,
    Reasoning,
    ReasoningConfig,
    Refusal,
    ResponseFormat,
    Role,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolMode,
    ToolResult,
)
from gecholog.llm.chat_dialect import Target
from gecholog.llm.dialects.openai_chat.dialect import CHAT
from gecholog.llm.errors import InvalidRequestError, UnsupportedParameterError
from tests.gecholog.llm.dialects import neutral
from tests.gecholog.llm.samples import CALM

USER = {"role": "user", "content": "Hi."}
WEATHER = {"name": "weather", "description": "Of a town.", "parameters": {"type": "object", "properties": {}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"town":"Oslo"}'}}


def read(**fields):
    return CHAT.read_request({"model": "any", "messages": [USER], **fields})


def messages(*said):
    return read(messages=list(said)).messages


def write(request, model="any", profile=""):
    return CHAT.write_request(request, Target(model, profile=profile))


def written(*said, **target):
    return write(ChatRequest("any", said), **target).body["messages"]


# ------------------------------------------------------------------ messages


def test_roles():
    """Developer messages are system messages, and stay where they are."""
    found = messages({"role": "developer", "content": "Be short."}, USER, {"role": "system", "content": "In Latin."})
    assert [message.role for message in found] == [Role.SYSTEM, Role.USER, Role.SYSTEM]


def test_names_and_prefill():
    """A message keeps its author's name; one of the assistant at the end stays the last."""
    found = messages({**USER, "name": "ann"}, {"role": "assistant", "content": "Dear"})
    assert found[0].name == "ann"
    assert found[-1] == Message(Role.ASSISTANT, (Text("Dear"),))


def test_parts():
    """Texts, images by URL and in data URLs, sound, files."""
    content = [
        {"type": "text", "text": "See:", "cache_control": {"type": "ephemeral"}},
        {"type": "image_url", "image_url": {"url": "https://a.example/b.png", "detail": "low"}},
        {"type": "image_url", "image_url": "data:image/PNG;base64,AAEC"},
        {"type": "input_audio", "input_audio": {"data": "AAEC", "format": "mp3"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAEC"}},
        {"type": "file", "file": {"file_id": "file-1"}},
    ]
    assert messages({"role": "user", "content": content})[0].parts == (
        Text("See:", {"type": "ephemeral"}),
        Image(url="https://a.example/b.png", detail="low"),
        Image(data="AAEC", media_type="image/png"),
        Audio("AAEC", "audio/mpeg"),
        File(data="AAEC", media_type="application/pdf", name="a.pdf"),
        File(file_id="file-1"),
    )


def test_calls_and_results():
    """Results that follow each other are one message of the user; each knows the name of its tool."""
    other = {**CALL, "id": "call_2"}
    found = messages(
        USER,
        {"role": "assistant", "content": None, "tool_calls": [CALL, other]},
        {"role": "tool", "tool_call_id": "call_1", "content": "Snow."},
        {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "Rain."}]},
    )
    assert found[1].parts == tuple(ToolCall(i, "weather", '{"town":"Oslo"}') for i in ("call_1", "call_2"))
    assert found[2] == Message(
        Role.USER,
        (ToolResult("call_1", (Text("Snow."),), "weather"), ToolResult("call_2", (Text("Rain."),), "weather")),
    )


def test_legacy_functions():
    """Functions of before there were tools are tools; a result belongs to the last call of its name."""
    found = read(
        functions=[WEATHER],
        function_call={"name": "weather"},
        messages=[
            USER,
            {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": ""}},
            {"role": "function", "name": "weather", "content": "Snow."},
        ],
    )
    call, result = found.messages[1].parts[0], found.messages[2].parts[0]
    assert found.tools[0].name == "weather"
    assert found.tool_choice == ToolChoice(ToolMode.NAMED, ("weather",))
    assert call.id == result.call_id != ""


def test_reasoning_in_the_history():
    """Signed blocks win over the text alone, which is the same."""
    blocks = [{"type": "thinking", "thinking": "Hm.", "signature": "s"}, {"type": "redacted_thinking", "data": "d"}]
    said = {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."}
    assert messages(said)[0].parts == (Reasoning("Hm."), Text("Yes."))
    assert messages({**said, "thinking_blocks": blocks})[0].parts == (
        Reasoning("Hm.", "s", "anthropic"),
        Reasoning("", "d", "anthropic", is_redacted=True),
        Text("Yes."),
    )


def test_signed_calls():
    """Gemini's signature of a call comes where its own endpoint for OpenAI's clients has it."""
    signed = {**CALL, "extra_content": {"google": {"thought_signature": "s"}}}
    call = messages({"role": "assistant", "content": None, "tool_calls": [signed]})[0].parts[0]
    assert (call.signature, call.origin) == ("s", "gemini")
    assert written(Message(Role.ASSISTANT, (call,)))[0]["tool_calls"] == [signed]


def test_refusals_in_the_history():
    """A refusal is a part of what was said."""
    assert messages({"role": "assistant", "content": None, "refusal": "No."})[0].parts == (Refusal("No."),)


def test_parts_of_unknown_types_are_required():
    """What has no place in the neutral form is refused by whoever does not know it, never left out."""
    found = read(messages=[{"role": "user", "content": [{"type": "video_url", "video_url": {"url": "x"}}]}])
    assert list(found.required) == ["messages[0].content[0]"]
    with pytest.raises(UnsupportedParameterError, match=r"messages\[0\]"):
        write(found)


# ------------------------------------------------------------------ what else a request says


def test_null_is_absent():
    """A field that is null says nothing."""
    names = ("tools", "tool_choice", "response_format", "stop", "n", "stream", "seed", "logprobs", "reasoning_effort")
    assert read(**dict.fromkeys(names)) == read()


@pytest.mark.parametrize(
    ("choice", "found"),
    [
        ("auto", ToolChoice(ToolMode.AUTO)),
        ("none", ToolChoice(ToolMode.NONE)),
        ("required", ToolChoice(ToolMode.REQUIRED)),
        ("any", ToolChoice(ToolMode.REQUIRED)),
        ({"type": "function", "function": {"name": "weather"}}, ToolChoice(ToolMode.NAMED, ("weather",))),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "weather"}}]},
            },
            ToolChoice(ToolMode.REQUIRED, ("weather",)),
        ),
    ],
)
def test_tool_choice(choice, found):
    """All forms of the choice are read, and written as OpenAI has them."""
    request = read(tools=[{"type": "function", "function": WEATHER}], tool_choice=choice)
    assert request.tool_choice == found
    assert write(request).body["tool_choice"] == ("required" if choice == "any" else choice)


def test_allowed_tools_that_may_be_called():
    """The others are as if they were not there."""
    tools = [{"type": "function", "function": {"name": name}} for name in ("a", "b")]
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": tools[:1]}}
    found = read(tools=tools, tool_choice=choice)
    assert [tool.name for tool in found.tools] == ["a"]
    assert found.tool_choice == ToolChoice(ToolMode.AUTO)


def test_response_format():
    """JSON of any form, or of a schema."""
    schema = {"name": "answer", "schema": {"type": "object"}, "strict": True}
    assert read(response_format={"type": "text"}).response_format is None
    assert read(response_format={"type": "json_object"}).response_format == ResponseFormat()
    found = read(response_format={"type": "json_schema", "json_schema": schema})
    assert found.response_format == ResponseFormat({"type": "object"}, "answer", strict=True)
    assert write(found).body["response_format"] == {"type": "json_schema", "json_schema": schema}


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"reasoning_effort": "high"}, ReasoningConfig(is_on=True, effort="high")),
        ({"reasoning_effort": "none"}, ReasoningConfig(is_on=False)),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, ReasoningConfig(is_on=True, budget=2000)),
        ({"thinking": {"type": "disabled"}}, ReasoningConfig(is_on=False)),
        ({"reasoning": {"max_tokens": 99, "exclude": True}}, ReasoningConfig(True, None, 99, False)),
    ],
)
def test_reasoning(fields, found):
    """OpenAI's field, and those of others that clients send to everybody."""
    assert read(**fields).reasoning == found


def test_hints_and_required_fields():
    """What changes the answer is required, all else that is not known is a hint."""
    found = read(seed=7, logit_bias={"1": 1}, custom=True, logprobs=True, top_logprobs=3, audio={"voice": "alloy"})
    assert found.hints == {"seed": 7, "logit_bias": {"1": 1}, "custom": True}
    assert found.required == {"logprobs": True, "top_logprobs": 3, "audio": {"voice": "alloy"}}
    sent = write(found, profile="openai")
    assert sent.dropped == ("custom",)
    assert sent.body.items() >= {"seed": 7, "logprobs": True}.items()


def test_sound_of_the_model_in_the_conversation_is_not_lost():
    """Only its id is in the message: another provider would see an assistant that said nothing."""
    found = CHAT.read_request({"model": "m", "messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]})
    assert found.required == {"messages[0].audio": {"id": "audio_1"}}


@pytest.mark.parametrize(
    ("tier", "dropped"), [("flex", ()), ("standard_only", ("service_tier",)), ({}, ("service_tier",))]
)
def test_service_tiers_of_others(tier, dropped):
    """They are no words of OpenAI's."""
    assert write(ChatRequest("any", (), hints={"service_tier": tier}), profile="openai").dropped == dropped


def test_long_ids_of_users():
    """They are shortened: Claude Code sends 150 characters, of which many APIs take 64."""
    assert len(write(ChatRequest("any", (), hints={"user": "u" * 150}), profile="openai").body["user"]) == 64
    assert write(ChatRequest("any", (), hints={"user": "ann"}), profile="openai").body["user"] == "ann"


def test_values_that_ask_for_nothing():
    """Text only, no log probabilities and a search without options are what there is without these fields."""
    assert read(logprobs=False, modalities=["text"], web_search_options={}).required == {}


def test_limits_and_stream():
    """The newer limit wins; one stop text is a list of one."""
    found = read(max_tokens=1, max_completion_tokens=2, stop="X", n=2, stream=True)
    assert (found.max_tokens, found.stop, found.n, found.is_streamed) == (2, ("X",), 2, True)
    assert not found.wants_usage
    assert read(stream=True, stream_options={"include_usage": True}).wants_usage


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": "Hi."}, "messages"),
        ({"messages": [{"role": "wizard", "content": "Hi."}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"tools": [{"function": WEATHER}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"temperature": "hot"}, "temperature"),
        ({"stream": "yes"}, "stream"),
    ],
)
def test_invalid_requests(fields, param):
    """The place of what is wrong is named."""
    with pytest.raises(InvalidRequestError) as caught:
        read(**fields)
    assert caught.value.param == param


# ------------------------------------------------------------------ writing


@pytest.mark.parametrize(
    ("model", "profile", "field"),
    [
        ("gpt-4o", "openai", "max_completion_tokens"),
        ("o4-mini", "azure", "max_completion_tokens"),
        ("openai/gpt-5-mini", "openrouter", "max_completion_tokens"),
        ("gpt-4o", "azure", "max_tokens"),
        ("mistral-large", "mistral", "max_tokens"),
        ("qwen3", "vllm", "max_tokens"),
    ],
)
def test_field_of_the_limit(model, profile, field):
    """Models that think take the newer field only; others than OpenAI may not know it."""
    body = write(ChatRequest("any", (), max_tokens=5), model, profile).body
    assert {name: body.get(name) for name in ("max_tokens", "max_completion_tokens") if name in body} == {field: 5}


@pytest.mark.parametrize(
    ("wanted", "model", "profile", "fields"),
    [
        (ReasoningConfig(is_on=True, budget=1024), "gpt-5", "openai", {"reasoning_effort": "low"}),
        (ReasoningConfig(is_on=True, budget=30000), "gpt-5", "openai", {"reasoning_effort": "high"}),
        (ReasoningConfig(is_on=True), "gpt-4o", "openai", {}),
        (ReasoningConfig(is_on=False), "gpt-4o", "openai", {}),
        (ReasoningConfig(is_on=False), "gpt-5.2", "openai", {"reasoning_effort": "none"}),
        (ReasoningConfig(is_on=False), "gpt-5-mini", "openai", {"reasoning_effort": "minimal"}),
        (ReasoningConfig(is_on=True, effort="low"), "deepseek-chat", "deepseek", {"thinking": {"type": "enabled"}}),
        (ReasoningConfig(is_on=True, budget=99), "any", "openrouter", {"reasoning": {"max_tokens": 99}}),
    ],
)
def test_writes_reasoning(wanted, model, profile, fields):
    """Each API has its field, and each model what it takes."""
    body = write(ChatRequest("any", (), reasoning=wanted), model, profile).body
    assert {name: body[name] for name in ("reasoning_effort", "thinking", "reasoning") if name in body} == fields


def test_models_that_think_take_no_temperature():
    """It is left out with a notice; the usual one passes."""
    assert write(ChatRequest("any", (), temperature=0.2), "o3", "openai").dropped == ("temperature",)
    assert write(ChatRequest("any", (), temperature=1), "o3", "openai").body["temperature"] == 1


def test_usage_of_streams_is_asked_for():
    """Of all but Mistral, which refuses the question and tells it unasked."""
    streamed = ChatRequest("any", (), is_streamed=True)
    assert write(streamed, profile="openai").body["stream_options"] == {"include_usage": True}
    assert "stream_options" not in write(streamed, profile="mistral").body


def test_errors_and_images_of_tools():
    """A failed tool says so in the text; an image, which a result cannot hold, follows in a message of the user."""
    image = Image(data="AAEC", media_type="image/png")
    results = (ToolResult("a", (Text("Broken."),), is_error=True), ToolResult("b", (image,)))
    first, second, third = written(Message(Role.USER, results))
    assert first == {"role": "tool", "tool_call_id": "a", "content": '{"error":"Broken."}'}
    assert second == {"role": "tool", "tool_call_id": "b", "content": ""}
    assert third["content"] == [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAEC"}}]


def test_results_stand_together():
    """No message may stand between the results of the calls of one turn."""
    image = Image(data="AAEC", media_type="image/png")
    results = [Message(Role.USER, (ToolResult(name, (image,)),)) for name in ("a", "b")]
    said = Message(Role.USER, (ToolResult("c", (Text("Snow."),)), Text("Well?")))
    assert [message["role"] for message in written(*results, said)] == ["tool", "tool", "tool", "user", "user"]
    assert [message["role"] for message in written(*results)] == ["tool", "tool", "user"]


def test_ids_that_the_api_refuses():
    """Long ids are shortened, the same way wherever they stand; Mistral wants nine letters or digits."""
    said = (
        Message(Role.ASSISTANT, (ToolCall("x" * 50, "weather", "{}"),)),
        Message(Role.USER, (ToolResult("x" * 50, (Text("Snow."),)),)),
    )
    call, result = written(*said, profile="openai")
    assert call["tool_calls"][0]["id"] == result["tool_call_id"]
    assert len(result["tool_call_id"]) <= 40
    assert len(written(*said, profile="mistral")[1]["tool_call_id"]) == 9


def test_reasoning_goes_only_where_it_is_known():
    """OpenAI refuses fields that it does not know; DeepSeek wants its reasoning back."""
    said = Message(Role.ASSISTANT, (Reasoning("Hm.", "s", "anthropic"), Text("Yes.")))
    assert written(said, profile="openai") == [{"role": "assistant", "content": "Yes."}]
    assert written(said, profile="deepseek")[0]["reasoning_content"] == "Hm."
    block = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
    assert written(said)[0]["thinking_blocks"] == [block]


def test_marks_for_caching_are_hints():
    """They are left out with a notice where nobody knows them."""
    marked = ChatRequest("any", (Message(Role.USER, (Text("Hi.", {"type": "ephemeral"}),)),))
    for profile in ("openai", "generic", ""):
        assert write(marked, profile=profile).dropped == ("cache_control",)
    assert write(marked, profile="openrouter").body["messages"][0]["content"][0]["cache_control"]


@pytest.mark.parametrize(
    "part",
    [File(file_id="file-1"), File(url="https://a.example/b.pdf"), Image(file_id="f"), Audio("AAEC", "audio/ogg")],
)
def test_parts_that_cannot_be_expressed(part):
    """They are refused, not left out."""
    with pytest.raises(UnsupportedParameterError):
        written(Message(Role.USER, (part,)))


def test_tools_without_parameters():
    """A tool needs no description and no schema."""
    body = write(ChatRequest("any", (), (Tool("now"),))).body
    assert body["tools"] == [{"type": "function", "function": {"name": "now"}}]


# ------------------------------------------------------------------ properties


@CALM
@given(neutral.requests())
def test_what_was_written_is_read_again(request):
    """Nothing gets lost on the way through the dialect."""
    asked = msgspec.structs.replace(request, wants_usage=request.is_streamed)
    assert CHAT.read_request(write(request).body) == asked


FULL = {
    "model": "any",
    "messages": [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "x"}}]},
        {"role": "assistant", "content": "b", "tool_calls": [CALL], "thinking_blocks": [{"type": "thinking"}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "c"},
    ],
    "tools": [{"type": "function", "function": WEATHER}],
    "tool_choice": {"type": "function", "function": {"name": "weather"}},
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}},
    "reasoning": {"effort": "low"},
    "stop": ["x"],
    "stream_options": {"include_usage": True},
}


@CALM
@given(neutral.mangled(FULL), st.sampled_from(["openai", "mistral", "openrouter", ""]))
def test_any_request_is_read_or_refused(body, profile):
    """Whatever a client sends, nothing but the two errors of translation is raised."""
    if not isinstance(body, dict):
        return
    with suppress(InvalidRequestError, UnsupportedParameterError):
        write(CHAT.read_request(body), profile=profile)


def test_a_mark_of_a_result_stands_on_its_text():
    """OpenRouter takes marks on texts only."""
    mark = {"type": "ephemeral"}
    result = Message(Role.USER, (ToolResult("a", (Text("x"), Text("y")), cache_control=mark),))
    assert written(result, profile="openrouter")[0]["content"] == [
        {"type": "text", "text": "x"},
        {"type": "text", "text": "y", "cache_control": mark},
    ]


def test_thoughts_of_the_user_are_refused():
    """Only the model thinks: servers leave such parts out, or fail."""
    with pytest.raises(InvalidRequestError) as raised:
        messages({"role": "user", "content": [{"type": "thinking", "thinking": "hm"}]})
    assert raised.value.param == "messages[0].content"


def test_a_web_search_with_its_defaults_is_worth_a_notice():
    """An empty object asks for a search as well."""
    assert read(web_search_options={}).hints == {"web_search_options": {}}
    assert read(web_search_options={"search_context_size": "low"}).required.keys() == {"web_search_options"}


@pytest.mark.parametrize(
    ("profile", "model", "shows_text", "lost"),
    [
        ("openai", "gpt-5", True, ("reasoning.summary",)),
        ("openai", "gpt-5", False, ()),
        ("deepseek", "any", True, ()),
        ("deepseek", "any", False, ("reasoning.summary",)),
        ("openrouter", "any", False, ()),
    ],
)
def test_whether_thoughts_are_shown_is_named_where_it_cannot_be_said(profile, model, shows_text, lost):
    """OpenAI never shows them, others always do."""
    reasoning = ReasoningConfig(is_on=True, effort="low", shows_text=shows_text)
    request = ChatRequest("any", (Message(Role.USER, (Text("x"),)),), reasoning=reasoning)
    assert write(request, model, profile).dropped == lost


def test_thinking_that_cannot_be_switched_off_is_named():
    """OpenAI's first models that think always do."""
    request = ChatRequest("any", (Message(Role.USER, (Text("x"),)),), reasoning=ReasoningConfig(is_on=False))
    assert write(request, "o3", "openai").dropped == ("reasoning_effort",)
    assert write(request, "gpt-4.1", "openai").dropped == ()
