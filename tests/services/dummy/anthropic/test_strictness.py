"""What the dummy refuses as Anthropic does, with the message of the API."""

import pytest

USER = {"role": "user", "content": "Hi"}
CALL = {"type": "tool_use", "id": "t1", "name": "greet", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "fine"}
TOOL = {"name": "greet", "input_schema": {"type": "object"}}
TEXT = {"type": "text", "text": "Hi"}


def said(*content, role="user"):
    return {"role": role, "content": list(content)}


def refused(dummy, body, path="/v1/messages"):
    answer = dummy.send(
        "POST", path, {"model": "m", "max_tokens": 99, "messages": [USER]} | body, anthropic_version="1"
    )
    assert (answer.status, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    return answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, "seed: Extra inputs are not permitted"),
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"model": None}, "model: Field required"),
        ({"max_tokens": 0}, "max_tokens: Input should be greater than or equal to 1"),
        ({"max_tokens": 1.5}, "max_tokens: Input should be a valid integer"),
        ({"temperature": 1.5}, "temperature: Input should be less than or equal to 1"),
        ({"stream": "yes"}, "stream: Input should be a valid boolean"),
        ({"stop_sequences": [" "]}, "stop_sequences: each stop sequence must contain non-whitespace"),
        ({"metadata": {"user": "x"}}, "metadata.user: Extra inputs are not permitted"),
        ({"system": [{"type": "text", "text": ""}]}, "system: text content blocks must be non-empty"),
        ({"system": [{"type": "image"}]}, "system.0: Input tag 'image' found using 'type' does not match"),
        ({"tool_choice": {"type": "required"}}, "tool_choice: Input should be"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.tool.name: Field required"),
        ({"tool_choice": {"type": "any"}}, "tool_choice: Tool not found"),
        ({"tools": [TOOL | {"parameters": {}}]}, "tools.0.custom.parameters: Extra inputs are not permitted"),
        ({"tools": [{"name": "a b", "input_schema": {"type": "object"}}]}, "tools.0.custom.name: String should match"),
        ({"tools": [{"name": "greet", "input_schema": {}}]}, "tools.0.custom.input_schema.type: Field required"),
        ({"tools": [TOOL, TOOL]}, "tools: Tool names must be unique."),
        ({"thinking": {"type": "enabled"}}, "thinking.enabled.budget_tokens: Field required"),
        ({"thinking": {"type": "enabled", "budget_tokens": 99}}, "thinking.enabled.budget_tokens: Input should be"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "`max_tokens` must be greater than"),
        ({"thinking": {"type": "adaptive"}, "temperature": 0.5}, "`temperature` may only be set to 1"),
        ({"thinking": {"type": "adaptive"}, "tools": [TOOL], "tool_choice": {"type": "any"}}, "Thinking may not be"),
        ({"output_config": {"effort": "minimal"}}, "output_config.effort: Input should be one of"),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
            "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false",
        ),
    ],
)
def test_options(dummy, change, message):
    """Unknown fields, missing ones, wrong values, and those that exclude one another."""
    assert refused(dummy, change).startswith(message)


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([], "messages: at least one message is required"),
        ([said(TEXT, role="assistant")], 'messages: first message must use the "user" role'),
        ([USER, USER], "messages: roles must alternate"),
        ([{"role": "system", "content": "Hi"}], "messages.0.role: Input should be 'user' or 'assistant'"),
        ([USER | {"name": "Ann"}], "messages.0.name: Extra inputs are not permitted"),
        ([{"role": "user", "content": ""}], "messages.0: all messages must have non-empty content"),
        ([said({"type": "text", "text": ""})], "messages: text content blocks must be non-empty"),
        ([said(TEXT | {"x": 1})], "messages.0.content.0.text.x: Extra inputs are not permitted"),
        ([said({"type": "image_url"})], "messages.0.content.0: Input tag 'image_url' found using 'type'"),
        (
            [said({"type": "image", "source": {"type": "url"}})],
            "messages.0.content.0.image.source.url.url: Field required",
        ),
        (
            [said({"type": "image", "source": {"type": "base64", "data": "aGk=", "media_type": "image/bmp"}})],
            "messages.0.content.0.image.source.base64.media_type: Input should be",
        ),
        ([said(CALL)], "messages.0: `tool_use` blocks can only be in `assistant` messages"),
        ([said(RESULT)], "messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: t1."),
        (
            [USER, said(CALL, role="assistant"), USER],
            "messages.1: `tool_use` ids were found without `tool_result` blocks",
        ),
        ([USER, said(CALL, role="assistant"), said(TEXT, RESULT)], "messages.1: `tool_use` ids were found without"),
        (
            [USER, said(CALL, role="assistant"), said(RESULT, RESULT)],
            "messages.2.content.1: each tool_use must have a single result",
        ),
        ([USER, said(CALL, role="assistant")], "messages.1: `tool_use` blocks are not allowed in a final"),
        (
            [USER, said(CALL | {"id": "a.b"}, role="assistant"), said(RESULT | {"tool_use_id": "a.b"})],
            "messages.1.content.0.tool_use.id: String should match pattern",
        ),
        (
            [USER, said(CALL | {"input": "{}"}, role="assistant")],
            "messages.1.content.0.tool_use.input: Input should be",
        ),
        ([USER, {"role": "assistant", "content": "Well "}], "messages: final assistant content cannot end with"),
        (
            [USER, said({"type": "thinking", "thinking": "x"}, role="assistant")],
            "messages.1.content.0.thinking.signature: Field required",
        ),
    ],
)
def test_messages(dummy, messages, message):
    """Roles, blocks, and the pairs of calls and results."""
    assert refused(dummy, {"messages": messages}).startswith(message)


def test_too_many_marks(dummy):
    """The cache takes four marks."""
    marked = TEXT | {"cache_control": {"type": "ephemeral"}}
    message = refused(dummy, {"messages": [said(*[marked] * 5)]})
    assert message == "A maximum of 4 blocks with cache_control may be provided. Found 5."


def test_counting_takes_fewer_fields(dummy):
    """Options of the answer are not for counting."""
    body = {"stream": True, "max_tokens": 9}
    assert refused(dummy, body, "/v1/messages/count_tokens").endswith("Extra inputs are not permitted")


def test_the_version_is_needed(dummy):
    """Without the header of the version there is no answer."""
    answer = dummy.send("POST", "/v1/messages", {"model": "m", "max_tokens": 9, "messages": [USER]})
    assert (answer.status, answer.json()["error"]["message"]) == (400, "anthropic-version: header is required")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model":'])
def test_no_json(dummy, body):
    """A body that is no object is refused in Anthropic's form."""
    answer = dummy.send("POST", "/v1/messages", body, anthropic_version="2023-06-01")
    assert (answer.status, answer.json()["type"]) == (400, "error")
