"""The official SDKs, in conversations of three turns with tools and a model that thinks, in front of every provider.

The dummy verifies what comes back to it: calls have results, thoughts and signatures are those that it gave.
"""

import json

import anthropic
import openai
import pytest
from google import genai

from tests.support.waiting import DEADLINE

PARAMETERS = {
    "type": "object",
    "properties": {"place": {"type": "string"}},
    "required": ["place"],
    "additionalProperties": False,
}
NAMES = ["get_weather", "get_time"]
FUNCTIONS = [
    {"type": "function", "function": {"name": name, "description": name, "parameters": PARAMETERS}} for name in NAMES
]
MODELS = ["anthropic/claude-sonnet-4-5", "gemini/gemini-3-flash-preview", "ollama/qwen3"]
STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
EACH_MODEL = pytest.mark.parametrize("model", MODELS)
OF_OPENAI = ["openai/gpt-5", "deepseek/deepseek-chat"]  # they tell no thoughts
ANY_MODEL = pytest.mark.parametrize("model", [*MODELS, *OF_OPENAI])
ASKED = ["Call get_weather for Paris", "Call get_weather and get_time for Rome", "Say goodbye"]


def url_of(gateway):
    return f"http://127.0.0.1:{gateway.port}"


@pytest.fixture(scope="module")
def client(unified):
    with openai.OpenAI(base_url=f"{url_of(unified)}/v1", api_key="none", max_retries=0, timeout=DEADLINE) as found:
        yield found


@pytest.fixture(scope="module")
def claude(unified):
    with anthropic.Anthropic(base_url=url_of(unified), api_key="none", max_retries=0, timeout=DEADLINE) as found:
        yield found


# ------------------------------------------------------------------ chat completions


@ANY_MODEL
@STREAMED
def test_chat_completions(client, model, streamed):
    messages = []
    called = []
    for text in ASKED:
        messages.append({"role": "user", "content": text})
        message = complete(client, model, messages, streamed)
        while message.tool_calls:
            called.append([call.function.name for call in message.tool_calls])
            messages.append(message.model_dump(exclude_none=True))
            for call in message.tool_calls:
                assert json.loads(call.function.arguments)["place"]
                result = {"role": "tool", "tool_call_id": call.id, "content": f"{call.function.name} is fine"}
                messages.append(result)
            message = complete(client, model, messages, streamed)
            assert "fine" in message.content
        messages.append(message.model_dump(exclude_none=True))
    assert [name for names in called for name in names] == ["get_weather", "get_weather", "get_time"]
    assert "goodbye" in messages[-1]["content"]


def complete(client, model, messages, streamed):
    asked = {"model": model, "messages": messages, "tools": FUNCTIONS, "reasoning_effort": "low"}
    if not streamed:
        answer = client.chat.completions.create(**asked)
        assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
        return answer.choices[0].message
    with client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as stream:
        for _ in stream:
            pass
        answer = stream.get_final_completion()
    assert answer.usage.completion_tokens > 0
    return answer.choices[0].message


@EACH_MODEL
@STREAMED
def test_thoughts_are_told(client, model, streamed):
    message = complete(client, model, [{"role": "user", "content": "Why?"}], streamed)
    assert message.reasoning_content
    assert "Why?" in message.content


# ------------------------------------------------------------------ messages


@ANY_MODEL
@STREAMED
def test_messages(claude, model, streamed):
    messages = []
    called = []
    for text in ASKED:
        messages.append({"role": "user", "content": text})
        message = speak(claude, model, messages, streamed)
        while message.stop_reason == "tool_use":
            calls = [block for block in message.content if block.type == "tool_use"]
            called += [call.name for call in calls]
            messages.append({"role": "assistant", "content": message.content})
            results = [
                {"type": "tool_result", "tool_use_id": call.id, "content": f"{call.name} is fine"} for call in calls
            ]
            messages.append({"role": "user", "content": results})
            message = speak(claude, model, messages, streamed)
            assert "fine" in text_of(message)
        messages.append({"role": "assistant", "content": message.content})
    assert called == ["get_weather", "get_weather", "get_time"]
    assert "goodbye" in text_of(message)


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def speak(claude, model, messages, streamed):
    asked = {
        "model": model,
        "messages": messages,
        "tools": [{"name": name, "description": name, "input_schema": PARAMETERS} for name in NAMES],
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "max_tokens": 4000,
    }
    return ask_claude(claude, streamed, **asked)


def ask_claude(claude, streamed, **asked):
    if not streamed:
        return claude.messages.create(**asked)
    with claude.messages.stream(**asked) as stream:
        for _ in stream:
            pass
        return stream.get_final_message()


# ------------------------------------------------------------------ responses


@ANY_MODEL
@STREAMED
def test_responses(client, model, streamed):
    items = []
    called = []
    for text in ASKED:
        items.append({"role": "user", "content": text})
        response = respond(client, model, items, streamed)
        while calls := [item for item in response.output if item.type == "function_call"]:
            called += [call.name for call in calls]
            items += [item.model_dump(exclude_none=True) for item in response.output]
            items += [
                {"type": "function_call_output", "call_id": call.call_id, "output": f"{call.name} is fine"}
                for call in calls
            ]
            response = respond(client, model, items, streamed)
            assert "fine" in response.output_text
        items += [item.model_dump(exclude_none=True) for item in response.output]
    assert called == ["get_weather", "get_weather", "get_time"]
    assert "goodbye" in response.output_text


def respond(client, model, items, streamed):
    tools = [{"type": "function", "name": name, "parameters": PARAMETERS, "strict": False} for name in NAMES]
    asked = {"model": model, "input": items, "tools": tools, "store": False, "reasoning": {"effort": "low"}}
    return ask_responses(client, streamed, **asked)


def ask_responses(client, streamed, **asked):
    if not streamed:
        return client.responses.create(**asked)
    with client.responses.stream(**asked) as stream:
        for _ in stream:
            pass
        return stream.get_final_response()


# ------------------------------------------------------------------ in front of OpenAI's API


@STREAMED
@pytest.mark.parametrize("model", OF_OPENAI)
def test_messages_for_openai(claude, model, streamed):
    """The dummy calls a function of OpenAI's API if it must."""
    tools = [{"name": "get_weather", "description": "d", "input_schema": PARAMETERS}]
    asked = {"model": model, "tools": tools, "max_tokens": 4000}
    messages = [{"role": "user", "content": "How is Paris?"}]
    message = ask_claude(claude, streamed, **asked, messages=messages, tool_choice={"type": "any"})
    assert message.stop_reason == "tool_use"
    call = message.content[-1]
    assert (call.name, "Paris" in call.input["place"]) == ("get_weather", True)
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "fine"}
    messages += [{"role": "assistant", "content": message.content}, {"role": "user", "content": [result]}]
    messages += [{"role": "assistant", "content": "It is fine."}, {"role": "user", "content": "Say goodbye"}]
    message = ask_claude(claude, streamed, **asked, messages=messages)
    assert (message.stop_reason, "goodbye" in text_of(message)) == ("end_turn", True)
    assert message.usage.input_tokens > 0


@STREAMED
def test_responses_for_openais_clones(client, streamed):
    """They have chat completions only."""
    tools = [{"type": "function", "name": "get_weather", "parameters": PARAMETERS, "strict": False}]
    asked = {"model": "deepseek/deepseek-chat", "tools": tools, "store": False}
    items = [{"role": "user", "content": "How is Paris?"}]
    response = ask_responses(client, streamed, **asked, input=items, tool_choice="required")
    (call,) = response.output
    items += [call.model_dump(exclude_none=True)]
    items += [{"type": "function_call_output", "call_id": call.call_id, "output": "fine"}]
    items += [{"role": "assistant", "content": "It is fine."}, {"role": "user", "content": "Say goodbye"}]
    response = ask_responses(client, streamed, **asked, input=items)
    assert (response.status, "goodbye" in response.output_text) == ("completed", True)


# ------------------------------------------------------------------ others


def test_the_sdk_of_gemini_through_a_plain_router(unified):
    options = genai.types.HttpOptions(base_url=f"{url_of(unified)}/gemini", timeout=int(DEADLINE * 1000))
    with genai.Client(api_key="none", http_options=options) as client:
        answer = client.models.generate_content(model="gemini-2.5-flash", contents="Hello there")
        streamed = client.models.generate_content_stream(model="gemini-2.5-flash", contents="Hello there")
        assert answer.text == "".join(chunk.text or "" for chunk in streamed)
        assert "Hello there" in answer.text


@pytest.mark.parametrize("model", ["gemini/embed", "ollama/embed", "openai/embed"])
def test_embeddings(client, model):
    found = client.embeddings.create(model=model, input=["one", "two"])
    assert [entry.index for entry in found.data] == [0, 1]
    assert len(found.data[0].embedding) == len(found.data[1].embedding) > 1


def test_images(client):
    found = client.images.generate(model="gemini/imagen-4.0-generate-001", prompt="a cat", n=2)
    assert len(found.data) == 2
    assert all(image.b64_json for image in found.data)
