"""Imported configs at work: gl takes each of them, and each of their models is answered by a fake of its provider."""

import json
from urllib.parse import urlsplit

import pytest

from services.gl.import_config.__main__ import convert
from tests.services.gl.rig.gateway import router

KEYS = dict.fromkeys(
    ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "COHERE_API_KEY", "GROQ_API_KEY", "XAI_API_KEY"), "key"
)
LISTS = """
server: {port: 1, base_url: http://x}
logging: {level: trace}
providers:
  - {id: 'Open AI', provider: openai, config: {api_key: k, api_url: 'http://fake', org_id: o}}
  - {id: again, provider: openai, config: {api_key: k, api_url: 'http://fake/v1'}}
  - {id: az, provider: azure_openai, config: {api_key: k, api_url: 'http://fake/', api_version: '2024-06-01'}}
  - {id: entra, provider: azure_openai, config: {api_key: k, api_url: 'http://fake/', api_type: AZURE_AD}}
  - {id: claude, provider: anthropic, config: {api_key: k}}
  - {id: google, provider: gemini, config: {}}
  - {id: face, provider: huggingface, config: {api_key: k}}
  - {id: local, provider: ollama, config: {}}
  - {id: broken, provider: openai, config: {api_key: k, api_url: 'http://fake/status-400'}}
  - {id: dummy-1, provider: dummy, config: {}}
models:
  - {id: gpt, name: one, provider: 'Open AI'}
  - {id: 'again/gpt', name: gpt, provider: again}
  - {id: 1.10, name: two, provider: az}
  - {id: yes, name: three, provider: entra}
  - {id: sonnet, name: four, provider: claude}
  - {id: flash, name: five, provider: google}
  - {id: bert, name: six, provider: face}
  - {id: 'qwen3:0.6b', name: 'qwen3:0.6b', provider: local}
  - {id: falls, name: seven, provider: broken, fallback: [broken-too, nope, sonnet, gpt]}
  - {id: broken-too, name: eight, provider: broken}
  - {id: ghost, name: nine, provider: nobody, fallback: [dummy-model]}
  - {id: dummy-model, name: ten, provider: dummy-1}
"""
MAPS = """
providers:
  up: {api_key: k, api_url: 'http://fake', is_openai_compatible: true}
  bad: {api_url: 'http://fake/status-429', is_openai_compatible: true}
  google: {api_url: 'https://generativelanguage.googleapis.com/v1beta/openai', api_key: k, is_openai_compatible: true}
models:
  gpt-x: {provider: up, fallback: [dummy-model]}
  chain: {provider: bad, fallback: [gpt-x]}
  gemini-x: {provider: google}
  dummy-model: {provider: dummy}
"""
PLAIN_MAPS = """
providers: {up: {api_key: k, api_url: 'http://fake/v1', is_openai_compatible: true}}
models: {gpt-x: up, dummy-model: dummy}
"""
LITELLM = """
model_list:
  - {model_name: gpt, litellm_params: {model: openai/status, api_base: 'http://fake/status-503', api_key: k}}
  - {model_name: gpt, litellm_params: {model: openai/status, api_base: 'http://fake/status-500/v1', api_key: k}}
  - {model_name: openai/gpt, litellm_params: {model: openai/gpt}}
  - {model_name: claude, litellm_params: {model: anthropic/sonnet}}
  - {model_name: command, litellm_params: {model: cohere_chat/command-a}}
  - {model_name: local, litellm_params: {model: ollama_chat/qwen3}}
  - {model_name: 'groq/*', litellm_params: {model: 'groq/*'}}
  - {model_name: 'grok-*', litellm_params: {model: 'xai/grok-*'}}
litellm_settings: {fallbacks: [{gpt: [claude, openai/gpt]}, {claude: [gpt]}]}
router_settings: {model_group_alias: {gpt-4: gpt}}
"""
GOPHERGATE = """
OPENAI_API_KEY=sk
GEMINI_API_KEY=g
LLM_PROXY__PROVIDERS__OLLAMA__BASE_URL=http://fake/v1
LLM_PROXY__PROVIDERS__OLLAMA__MODELS=llama3
"""
# What answers, and the name that it is asked for: by the name that a client says.
FILES = {
    "lists": (
        LISTS,
        {
            "gpt": "openai one",
            "again/gpt": "openai gpt",
            "1.10": "azure two",
            "yes": "openai three",
            "sonnet": "anthropic four",
            "flash": "gemini five",
            "bert": "openai six",
            "qwen3:0.6b": "ollama qwen3:0.6b",
            "falls": "anthropic four",
            "broken-too": "400",
            "ghost": "openai ten",
            "dummy-model": "openai ten",
        },
    ),
    "maps": (
        MAPS,
        {
            "gpt-x": "openai gpt-x",
            "chain": "openai gpt-x",
            "gemini-x": "gemini gemini-x",
            "dummy-model": "openai dummy-model",
        },
    ),
    "plain maps": (PLAIN_MAPS, {"gpt-x": "openai gpt-x", "dummy-model": "openai dummy-model"}),
    "LiteLLM": (
        LITELLM,
        {
            "gpt": "anthropic sonnet",
            "gpt-4": "anthropic sonnet",
            "openai/gpt": "openai gpt",
            "claude": "anthropic sonnet",
            "command": "cohere command-a",
            "local": "ollama qwen3",
            "groq/llama": "openai llama",
            "grok-9": "openai grok-9",
        },
    ),
    "GopherGate": (
        GOPHERGATE,
        {
            "openai/gpt": "openai gpt",
            "gemini/flash": "gemini flash",
            "ollama/llama3": "ollama llama3",
            "llama3": "ollama llama3",
        },
    ),
}


def answer(talk):
    """Answer as the provider whose path it is, with the name of the model; `/status-N/` fails."""
    path, body = urlsplit(talk.request.target).path, json.loads(talk.request.body)
    model = body.get("model", "")
    if "/status-" in path:
        talk.reply(b'{"error": {"message": "no"}}', int(path.partition("/status-")[2][:3]))
    elif path.endswith("/messages"):
        content = {"content": [{"type": "text", "text": f"anthropic {model}"}], "stop_reason": "end_turn"}
        talk.reply(json.dumps({"type": "message", "role": "assistant"} | content).encode())
    elif path.endswith(":generateContent"):
        text = f"gemini {path.rpartition('/')[2].removesuffix(':generateContent')}"
        talk.reply(
            json.dumps({"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}]}).encode()
        )
    elif path == "/api/chat":
        message = {"role": "assistant", "content": f"ollama {model}"}
        talk.reply(json.dumps({"message": message, "done": True, "done_reason": "stop"}).encode())
    elif path == "/v2/chat":
        message = {"role": "assistant", "content": [{"type": "text", "text": f"cohere {model}"}]}
        talk.reply(json.dumps({"message": message, "finish_reason": "COMPLETE"}).encode())
    else:
        deployment = path.partition("/deployments/")[2].partition("/")[0]
        text = f"azure {deployment}" if deployment else f"openai {model}"
        talk.reply(json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode())


def at_fake(provider, fake):
    """A provider whose address is the fake's, with the path that it had."""
    usual = {"openai": "/v1", "dummy": "/v1"}.get(provider["dialect"], "")
    return provider | {"url": fake + (urlsplit(provider["url"]).path if "url" in provider else usual)}


@pytest.fixture(scope="module")
def gateway(run_gateway):
    """One gateway, which takes all of the configs, one after the other."""
    return run_gateway([router("/echo/", "http://127.0.0.1:1")], env=KEYS)


@pytest.mark.parametrize("name", FILES)
def test_each_model_is_answered(name, gateway, upstream):
    text, expected = FILES[name]
    part = convert(text, KEYS).fragment()
    providers = [at_fake(provider, upstream.url) for provider in part["providers"]]
    upstream.behaviour = answer
    parts = {"providers": providers, "models": part["models"], "routers": part["routers"]}
    gateway.reload(gateway.values | parts)
    assert {model: said(gateway, model) for model in expected} == expected
    assert not [
        entry for entry in gateway.process.entries if entry["msg"] == "config warning" and "provider" in str(entry)
    ]


def said(gateway, model):
    """What a client is answered; the status of an error."""
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    reply = gateway.call(
        "POST", "/v1/chat/completions", {"Content-Type": "application/json"}, json.dumps(body).encode()
    )
    return reply.json()["choices"][0]["message"]["content"] if reply.status == 200 else str(reply.status)
