"""Bodies that are nested deep are translated or refused, whatever is deep in them."""

import json
from contextlib import suppress

import pytest

from gecholog.llm import translate
from gecholog.llm.chat_dialect import ReplyContext, Target
from gecholog.llm.dialects.chat_table import CHAT_DIALECTS
from gecholog.llm.errors import InvalidRequestError, UnsupportedParameterError

USER = '{"role":"user","content":"x"}'


def schema(depth: int) -> str:
    return '{"type":"object","properties":{"a":' * depth + "{}" + "}}" * depth


def called(depth: int) -> str:
    function = {"name": "f", "arguments": schema(depth)}
    call = {"id": "c", "type": "function", "function": function}
    return json.dumps({"role": "assistant", "tool_calls": [call]})


BODIES = {
    "format": lambda depth: (
        f'{{"model":"m","messages":[{USER}],"response_format":'
        f'{{"type":"json_schema","json_schema":{{"name":"n","schema":{schema(depth)}}}}}}}'
    ),
    "tool": lambda depth: (
        f'{{"model":"m","messages":[{USER}],"tools":[{{"type":"function","function":{{"name":"f","parameters":{schema(depth)}}}}}]}}'
    ),
    "arguments": lambda depth: f'{{"model":"m","messages":[{USER},{called(depth)}]}}',
    "content": lambda depth: f'{{"model":"m","messages":[{{"role":"user","content":{"[" * depth}{"]" * depth}}}]}}',
}


@pytest.mark.parametrize("depth", [50, 150, 250, 400, 500, 2000, 100_000])
@pytest.mark.parametrize("place", BODIES)
@pytest.mark.parametrize(
    "provider", ["anthropic", "gemini", "ollama", "bedrock_converse", "cohere", "openai_responses"]
)
def test_deep_requests(provider: str, place: str, depth: int) -> None:
    client = CHAT_DIALECTS["openai_chat"]
    with suppress(InvalidRequestError, UnsupportedParameterError):
        request = translate.read_request(client, BODIES[place](depth).encode())
        translation = translate.Translation(
            client, CHAT_DIALECTS[provider], request, ReplyContext(request, "i", 1, "m")
        )
        translation.sent(Target("claude-sonnet-4-5"))
        assert depth < 2000 or place == "arguments"


@pytest.mark.parametrize("depth", [50, 400, 2000])
def test_deep_answers(depth: int) -> None:
    block = f'{{"type":"tool_use","id":"t","name":"n","input":{schema(depth)}}}'
    body = f'{{"content":[{block}],"stop_reason":"tool_use"}}'.encode()
    anthropic = CHAT_DIALECTS["anthropic"]
    for name in ("openai_chat", "openai_responses"):
        client = CHAT_DIALECTS[name]
        request = translate.read_request(client, f'{{"model":"m","messages":[{USER}],"input":"x"}}'.encode())
        context = ReplyContext(request, "i", 1, "m")
        with suppress(translate.TranslationError):
            translate.Translation(client, anthropic, request, context).response(body, "application/json")
