"""How the official SDKs of OpenAI and Anthropic handle a refusal."""

import json
from contextlib import ExitStack

import anthropic
import openai
import pytest

from tests.processors.rig import entry, start_stack

REASON = "Consumption Cap Exceeded. Try again later"
ASKED = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
ENTRIES = {
    "request": {
        "processors": [
            [
                entry(
                    "tokencounter",
                    input_fields_include=["gl_path", "ingress_payload"],
                    output_fields_write=["control", "control_status_code", "control_headers"],
                )
            ]
        ]
    },
    "response": {
        "processors": [
            [
                entry(
                    "tokencounter",
                    input_fields_include=["gl_path", "inbound_payload"],
                    output_fields_write=["token_count"],
                )
            ]
        ]
    },
}


@pytest.fixture
def capped(tmp_path, nats_server, config, start):
    """Start a stack whose `/service/` has reached its cap, and return the URL of that router."""

    def begin(**more):
        cap = {"router": "/service/", "fields": [{"field": "total", "value": 100}]}
        start(config | {"token_caps": [cap]} | more)
        stack = stacks.enter_context(start_stack(tmp_path, nats_server, **ENTRIES))
        stack.upstream.behaviour = lambda talk: talk.reply(b'{"usage": {"total_tokens": 100}}')
        assert stack.post("/service/v1", ASKED).status == 200
        return f"http://127.0.0.1:{stack.gateway.port}/service", stack

    with ExitStack() as stacks:
        yield begin


def test_openai(capped):
    """OpenAI's SDK raises a rate-limit error with the reason at once, without waiting and retrying."""
    url, stack = capped(cap_status_code=429)
    with (
        openai.OpenAI(api_key="caller", base_url=f"{url}/v1") as client,
        pytest.raises(openai.RateLimitError, match=REASON) as caught,
    ):
        client.chat.completions.create(**ASKED)
    assert (caught.value.type, caught.value.code) == ("tokens", "rate_limit_exceeded")
    assert caught.value.body["message"] == REASON
    assert len(stack.upstream.seen) == 1


def test_anthropic(capped):
    """Anthropic's SDK does the same."""
    url, _ = capped(cap_status_code=429)
    with (
        anthropic.Anthropic(api_key="caller", base_url=url) as client,
        pytest.raises(anthropic.RateLimitError, match=REASON),
    ):
        client.messages.create(max_tokens=10, **ASKED)


def test_status_200(capped):
    """An SDK takes a refusal in the original's form for a response without choices."""
    url, _ = capped()
    with openai.OpenAI(api_key="caller", base_url=f"{url}/v1") as client:
        raw = client.chat.completions.with_raw_response.create(**ASKED)
    assert json.loads(raw.text) == {"Error": REASON, "Path": "/service/"}
    assert raw.parse().choices is None
