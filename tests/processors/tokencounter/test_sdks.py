"""What the official SDKs of OpenAI and Anthropic make of a refusal."""

import json
from contextlib import ExitStack

import anthropic
import openai
import pytest

from tests.processors.rig import entry, house

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
    """Start a house whose `/service/` has used up its cap; returns the URL of that router."""

    def begin(**more):
        cap = {"router": "/service/", "fields": [{"field": "total", "value": 100}]}
        start(config | {"token_caps": [cap]} | more)
        home = houses.enter_context(house(tmp_path, nats_server, **ENTRIES))
        home.upstream.behaviour = lambda talk: talk.reply(b'{"usage": {"total_tokens": 100}}')
        assert home.post("/service/v1", ASKED).status == 200
        return f"http://127.0.0.1:{home.gateway.port}/service", home

    with ExitStack() as houses:
        yield begin


def test_openai(capped):
    """It raises the error of a rate limit, whose text has the reason, at once: it does not wait and try again."""
    url, home = capped(cap_status_code=429)
    with (
        openai.OpenAI(api_key="caller", base_url=f"{url}/v1") as client,
        pytest.raises(openai.RateLimitError, match=REASON) as caught,
    ):
        client.chat.completions.create(**ASKED)
    assert (caught.value.type, caught.value.code) == ("tokens", "rate_limit_exceeded")
    assert caught.value.body["message"] == REASON
    assert len(home.upstream.seen) == 1


def test_anthropic(capped):
    """So does Anthropic's."""
    url, _ = capped(cap_status_code=429)
    with (
        anthropic.Anthropic(api_key="caller", base_url=url) as client,
        pytest.raises(anthropic.RateLimitError, match=REASON),
    ):
        client.messages.create(max_tokens=10, **ASKED)


def test_status_200(capped):
    """As the original refuses, an SDK takes it for an answer: one without choices."""
    url, _ = capped()
    with openai.OpenAI(api_key="caller", base_url=f"{url}/v1") as client:
        raw = client.chat.completions.with_raw_response.create(**ASKED)
    assert json.loads(raw.text) == {"Error": REASON, "Path": "/service/"}
    assert raw.parse().choices is None
