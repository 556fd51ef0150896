"""What the patterns of the default config count in the responses of the usual APIs."""

import json
from pathlib import Path

import pytest

from gecholog.config import check
from gecholog.quota.window import Window
from processors.tokencounter.config import build, config_spec
from processors.tokencounter.counters import Counters
from processors.tokencounter.missing_usage import MissingUsage
from processors.tokencounter.usage import answer

FILE = Path(__file__).parents[3] / "conf" / "tokencounter_config.json"
ROUTER = "/anthropic/"
CAP = [{"router": ROUTER, "fields": [{"field": "total_tokens", "value": 100}]}]


def counts(prompt, completion, total):
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}


@pytest.fixture(scope="module")
def config():
    """Return the shipped config, with a cap."""
    values = json.loads(FILE.read_text("utf-8")) | {"token_caps": CAP}
    return build(check(json.dumps(values).encode(), "test", config_spec(), {"NATS_TOKEN": "abc"}))


# shapes: https://platform.openai.com/docs/api-reference, https://docs.anthropic.com/en/api/messages,
# https://ai.google.dev/api/generate-content#UsageMetadata, https://github.com/ollama/ollama/blob/main/docs/api.md
CHAT = {"prompt_tokens": 40, "completion_tokens": 9, "total_tokens": 49, "prompt_tokens_details": {"cached_tokens": 8}}
RESPONSES = {
    "input_tokens": 70,
    "input_tokens_details": {"cached_tokens": 64},
    "output_tokens": 30,
    "output_tokens_details": {"reasoning_tokens": 20},
    "total_tokens": 100,
}
ANTHROPIC = {
    "input_tokens": 4,
    "cache_creation_input_tokens": 2051,
    "cache_read_input_tokens": 18000,
    "cache_creation": {"ephemeral_5m_input_tokens": 2051, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 503,
}
GEMINI = {
    "promptTokenCount": 1000,
    "cachedContentTokenCount": 900,
    "candidatesTokenCount": 10,
    "thoughtsTokenCount": 500,
    "totalTokenCount": 1510,
}
SHAPES = [
    ({"usage": CHAT}, counts(40, 9, 49)),
    ({"usage": {"prompt_tokens": 5, "total_tokens": 5}}, {"prompt_tokens": 5, "total_tokens": 5}),
    ({"usage": {"prompt_tokens": 5, "completion_tokens": 2}}, counts(5, 2, 7)),
    ({"usage": RESPONSES}, counts(70, 30, 100)),
    ({"usage": ANTHROPIC}, counts(20055, 503, 20558)),
    ({"usage": {"input_tokens": 4, "output_tokens": 5}}, counts(4, 5, 9)),
    ({"usage": {"input_tokens": 0, "output_tokens": 0}}, counts(0, 0, 0)),
    ({"usageMetadata": GEMINI}, counts(1000, 510, 1510)),
    ({"usageMetadata": GEMINI | {"toolUsePromptTokenCount": 7}}, counts(1007, 510, 1510)),
    ({"prompt_eval_count": 11, "eval_count": 12, "done": True}, counts(11, 12, 23)),
    ({"usage": None}, {}),
    ({"usage": {"prompt_tokens": None}}, {}),
    ("text", {}),
]


def answered(config, counters, **fields):
    message = json.dumps({"gl_path": ROUTER} | fields).encode()
    return json.loads(answer(message, config.rules, counters, MissingUsage(lambda *_: None), 0))


@pytest.fixture
def counters(config):
    return Counters(config.caps, Window(60_000))


@pytest.mark.parametrize(("payload", "expected"), SHAPES)
def test_counts(config, counters, payload, expected):
    """Prompt with its cached part, completion with reasoning, and a total, whatever the API calls them."""
    assert answered(config, counters, inbound_payload=payload) == {"token_count": expected}


USAGE = {"source": "provider", "prompt_tokens": 400, "completion_tokens": 90, "total_tokens": 490, "cached_tokens": 8}


def test_usage_that_the_gateway_found(config, counters):
    """`usage` counts without a payload, which may be too large for the bus, and has precedence over the payload."""
    expected = {"token_count": counts(400, 90, 490)}
    assert answered(config, counters, usage=USAGE) == expected
    assert answered(config, counters, usage=USAGE, inbound_payload={"usage": CHAT}) == expected
    assert answered(config, counters, usage={"source": "none"}, inbound_payload={"usage": CHAT})[
        "token_count"
    ] == counts(40, 9, 49)
    assert answered(config, counters, ingress_method="POST")["control_status_code"] == 429


@pytest.mark.parametrize("payload", [payload for payload, expected in SHAPES if expected.get("total_tokens", 0) >= 100])
def test_a_cap_on_the_total_fires(config, counters, payload):
    """The cap applies from the second call on."""
    request = {"gl_path": ROUTER, "ingress_method": "POST"}
    assert answered(config, counters, ingress_method="POST") == request
    answered(config, counters, inbound_payload=payload)
    assert answered(config, counters, ingress_method="POST")["control_status_code"] == 429
