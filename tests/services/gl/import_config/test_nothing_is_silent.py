"""No key of a file is lost silently: without it, either the config is another one, or the list of what is lost."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from services.gl.import_config.__main__ import convert
from services.gl.import_config.source import ImportRefusedError

LITELLM = """
model_list:
  - model_name: gpt
    litellm_params:
      model: azure/prod
      api_base: https://a.example
      base_url: https://b.example
      api_key: os.environ/A
      api_version: "2024-10-21"
      weight: 2
      rpm: 5
      timeout: 30
      stream_timeout: 3
      extra_headers: {X-A: a}
      temperature: 0
    model_info: {mode: chat, base_model: azure/gpt-4o}
  - {model_name: gpt, litellm_params: {model: openai/gpt-4o, organization: o, api_base: https://c.example/v1}}
  - {model_name: spare, litellm_params: {model: bedrock/x, aws_region_name: eu-west-1, aws_session_token: t}}
  - {model_name: "claude-*", litellm_params: {model: "anthropic/claude-*", api_key: k}}
  - {model_name: other, litellm_params: {model: what/x, api_key: k, tpm: 3}}
litellm_settings:
  drop_params: true
  num_retries: 1
  fallbacks: [{gpt: [spare]}]
  context_window_fallbacks: [{gpt: [spare]}]
  cache_params: {type: redis}
router_settings:
  routing_strategy: least-busy
  num_retries: 2
  default_fallbacks: [gpt]
  model_group_alias: {fast: gpt, quick: {model: spare, hidden: true}}
general_settings: {master_key: sk-1, database_url: x}
environment_variables: {A: b}
"""
LISTS = """
server: {port: 9000, base_url: http://x, read: 1}
logging: {level: warn, format: text}
openapi: {spec_path: x}
providers:
  - {id: one, provider: openai, config: {api_key: k, api_url: http://x.example, org_id: o, api_version: v1}, note: n}
  - id: two
    provider: azure_openai
    config: {api_key: k, api_url: http://y.example, api_type: AZURE_AD, api_version: a}
  - {id: six, provider: gemini, config: {api_key: k, cloud_location: x}}
models:
  - {id: m, name: gpt, provider: one, fallback: [n], timeout: 3}
  - {id: n, name: prod, provider: two}
  - {id: o, name: flash, provider: six}
"""
MAPS = """
server: {port: 9000}
logging: {level: debug}
providers:
  up: {api_key: k, api_url: http://x.example, is_openai_compatible: false, timeout: 3}
  on: {api_key: k, api_url: http://y.example, timeout: 3}
models:
  m: {provider: on, fallback: [n], timeout: 3}
  n: on
"""


def plain(text: str) -> Any:
    return yaml.load(text, yaml.BaseLoader)  # noqa: S506 - it makes texts, lists and maps only


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all keys of maps, at any depth."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        if isinstance(value, dict):
            yield (*path, key)
        yield from places(inner, (*path, key))


def without(text: str, path: tuple[Any, ...]) -> str:
    root = plain(text)
    holder = root
    for key in path[:-1]:
        holder = holder[key]
    del holder[path[-1]]
    return yaml.safe_dump(root, sort_keys=False)


def outcome(text: str) -> Any:
    """The config, and what is lost without line numbers; the error of a file that is refused."""
    try:
        found = convert(text, {})
    except ImportRefusedError as error:
        return str(error)
    return json.dumps(found.fragment()), sorted(line.partition(": ")[2] for line in found.lost)


def is_listed(lost: list[str], path: tuple[Any, ...]) -> bool:
    """Whether a key, or what it is in, is named in the list."""
    shown = ""
    for key in path:
        shown += f"[{key}]" if isinstance(key, int) else f".{key}" if shown else key
        if any(line.startswith(f"{shown}:") for line in lost):
            return True
    return False


CASES = [(text, path) for text in (LITELLM, LISTS, MAPS) for path in places(plain(text))]


@pytest.mark.parametrize(("text", "path"), CASES, ids=[".".join(map(str, path)) for _, path in CASES])
def test_each_key_is_used_or_listed(text: str, path: tuple[Any, ...]) -> None:
    full = outcome(yaml.safe_dump(plain(text), sort_keys=False))
    assert is_listed(full[1], path) or outcome(without(text, path)) != full


def test_each_line_of_gophergate_is_used_or_listed() -> None:
    lines = [
        *("OPENAI_API_KEY=sk", "GROK_API_KEY=xai", "LLM_PROXY__SERVER__PORT=9000", "LLM_PROXY__SERVER__HOST=0.0.0.0"),
        *("LLM_PROXY__ENCRYPTION_KEY=s", "LLM_PROXY__PROVIDERS__OLLAMA__BASE_URL=http://h:11434/v1"),
        *("LLM_PROXY__PROVIDERS__OLLAMA__MODELS=a,b", "LLM_PROXY__PROVIDERS__OLLAMA__TIMEOUT=3", "OTHER=1"),
    ]
    for index in range(len(lines)):
        rest = "\n".join(lines[:index] + lines[index + 1 :])
        assert outcome(rest) != outcome("\n".join(lines)), lines[index]
