"""LiteLLM's files, GopherGate's, and the command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.gl.import_config.__main__ import convert, main
from services.gl.import_config.source import ImportRefusedError

LITELLM = """model_list:
  - model_name: gpt
    litellm_params: {model: openai/gpt-4o, api_key: os.environ/MY_KEY, rpm: 5, weight: 3}
  - model_name: gpt
    litellm_params:
      model: azure/prod
      api_base: os.environ/AZURE_URL
      api_key: k
      api_version: "2024-10-21"
    model_info: {mode: chat}
  - model_name: claude
    litellm_params: {model: claude-sonnet-4-5}
  - model_name: local
    litellm_params: {model: ollama_chat/qwen3, api_base: http://ollama.example}
  - model_name: "*"
    litellm_params: {model: "*"}
  - model_name: aws
    litellm_params: {model: bedrock/x, aws_region_name: us-east-1}
  - model_name: google
    litellm_params: {model: elevenlabs/x}
litellm_settings:
  drop_params: true
  num_retries: 2
  fallbacks: [{gpt: [claude, nope]}]
router_settings: {routing_strategy: usage-based-routing}
general_settings: {master_key: sk-1}
"""


def test_litellm() -> None:
    found = convert(LITELLM, {})
    assert found.providers == [
        {"name": "openai", "dialect": "openai", "profile": "openai", "api_key": "${MY_KEY}"},
        {"name": "azure", "dialect": "azure", "url": "${AZURE_URL}", "api_key": "k", "api_version": "2024-10-21"},
        {"name": "anthropic", "dialect": "anthropic", "api_key": "${ANTHROPIC_API_KEY}"},
        {"name": "ollama", "dialect": "ollama", "url": "http://ollama.example"},
        {"name": "bedrock", "dialect": "bedrock", "region": "us-east-1"},
    ]
    assert found.models == [
        {
            "name": "gpt-deployments",
            "targets": ["openai/gpt-4o", "azure/prod"],
            "strategy": "weighted",
            "weights": [3, 1],
        },
        {"name": "gpt", "targets": ["gpt-deployments", "anthropic/claude-sonnet-4-5"]},
        {"name": "claude", "targets": ["anthropic/claude-sonnet-4-5"]},
        {"name": "local", "targets": ["ollama/qwen3"]},
        {"name": "aws", "targets": ["bedrock/x"]},
    ]
    assert found.outbound == {"retries": 2}
    assert found.ingress == {"Authorization": ["Bearer sk-1"]}
    places = {line.split(": ")[1] for line in found.lost}
    assert places == {
        *("model_list[0].litellm_params.rpm", "model_list[1].model_info", "model_list[4]"),
        *("model_list[6].litellm_params", "litellm_settings.fallbacks[0].gpt[1]", "litellm_settings.drop_params"),
        "router_settings.routing_strategy",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model_list:\n  - {}", "line 2: .*model_name"),
        ("model_list:\n  - {model_name: a}", "litellm_params"),
        ("model_list:\n  - {model_name: a, litellm_params: {}}", "must have a model"),
        ("model_list:\n  - {model_name: a, litellm_params: {model: gpt, weight: x}}", "must be a number"),
        ("other: 1", "is no config of"),
    ],
)
def test_wrong_files_are_refused(text: str, message: str) -> None:
    with pytest.raises(ImportRefusedError, match=message):
        convert(text, {})


def test_gophergate() -> None:
    text = """# GopherGate
OPENAI_API_KEY=sk-1
export GROK_API_KEY="xai-1"
MISTRAL_API_KEY=
LLM_PROXY__SERVER__PORT=9000
LLM_PROXY__ENCRYPTION_KEY=secret
LLM_PROXY__PROVIDERS__OLLAMA__BASE_URL=http://localhost:11434/v1
LLM_PROXY__PROVIDERS__OLLAMA__MODELS=llama3, gemma2
OTHER=1
"""
    found = convert(text, {})
    assert found.providers == [
        {"name": "openai", "dialect": "openai", "api_key": "${OPENAI_API_KEY}", "profile": "openai"},
        {"name": "xai", "dialect": "openai", "api_key": "${GROK_API_KEY}", "profile": "xai"},
        {"name": "ollama", "dialect": "ollama", "url": "http://localhost:11434", "models": ["llama3", "gemma2"]},
    ]
    assert found.settings == {"gl_port": 9000}
    assert [line.split(": ")[1] for line in found.lost] == ["LLM_PROXY__ENCRYPTION_KEY", "OTHER"]
    assert "secret" not in str(found.lost)
    assert "sk-1" not in json.dumps(found.fragment())


def test_models_of_gophergate_are_not_in_the_file() -> None:
    """So those of the config stay, and the other providers that they name. The shipped config has GopherGate's."""
    before = {
        "providers": [{"name": "openai", "dialect": "openai"}, {"name": "xai", "dialect": "openai"}],
        "models": [{"name": "heavy", "targets": ["xai/grok", "openai/gpt"]}],
        "routers": [],
    }
    merged = convert("OPENAI_API_KEY=sk-1", {}).merged(before)
    assert merged["models"] == before["models"]
    assert [one.get("api_key") for one in merged["providers"]] == ["${OPENAI_API_KEY}", None]


def test_ollama_that_is_switched_off_is_left_out() -> None:
    text = "LLM_PROXY__PROVIDERS__OLLAMA__BASE_URL=http://x\nLLM_PROXY__PROVIDERS__OLLAMA__ENABLED=false\n"
    assert convert(text, {}).providers == []


@pytest.mark.parametrize(
    "text", [LITELLM, "providers:\n  up: {api_url: http://x.example}\nmodels: {m: up, d: dummy}\n"]
)
def test_the_command_writes_what_the_gateway_takes(text: str, tmp_path: Path) -> None:
    theirs, ours = tmp_path / "config.yaml", tmp_path / "part.json"
    theirs.write_text(text)
    assert main([str(theirs), "--output", str(ours)]) == 0
    assert ours.stat().st_mode & 0o777 == 0o600
    shipped = json.loads((Path(__file__).parents[4] / "conf" / "gl_config.json").read_text())
    values = {name: value for name, value in shipped.items() if name not in ("request", "response", "logger")}
    config = tmp_path / "gl_config.json"
    config.write_text(json.dumps(values | json.loads(ours.read_text())))
    names = ("MY_KEY", "AZURE_URL", "ANTHROPIC_API_KEY", "OPENAI_API_KEY")
    environment = os.environ | dict.fromkeys(names, "https://x.example") | {"NATS_TOKEN": "x"}
    command = [sys.executable, "-m", "services.gl", "-o", str(config), "--validate"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "left out" not in done.stdout + done.stderr


def test_the_command_tells_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config.yml"
    assert main([str(file)]) == 1
    file.write_text("providers:\n  - {id: a, provider: what, config: {}}\n")
    assert main([str(file)]) == 1
    shown = capsys.readouterr()
    assert "cannot be read" in shown.err
    assert "config.yml: line 2: providers[0].provider: provider must be one of" in shown.err
    assert shown.out == ""


def test_the_command_looks_for_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """llm-gateway does not start without its file of credentials."""
    file, theirs = tmp_path / "account.json", tmp_path / "config.yml"
    config = f"{{project_id: p, path_to_creds_file: {file}}}"
    theirs.write_text(f"providers:\n  - {{id: a, provider: vertex_ai, config: {config}}}\n")
    assert main([str(theirs)]) == 1
    assert "line 2: providers[0].config.path_to_creds_file: must be a file" in capsys.readouterr().err
    file.write_text("{}")
    assert main([str(theirs)]) == 0


def test_the_command_prints_the_config_and_tells_what_is_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.yml"
    file.write_text("server: {base_url: x}\nproviders:\n  - {id: a, provider: dummy, config: {}}\nmodels: []\n")
    assert main([str(file)]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["providers"] == [{"name": "a", "dialect": "dummy"}]
    assert "a config of llm-gateway: 1 providers, 0 models" in shown.err
    assert "line 1: server.base_url: has no equivalent" in shown.err


def test_the_command_puts_it_into_a_config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Everything else stays as it is, and what was there is kept."""
    theirs, ours = tmp_path / "config.yml", tmp_path / "gl_config.json"
    theirs.write_text("providers:\n  - {id: a, provider: dummy, config: {}}\nmodels: []\n")
    before = {"gl_port": 1, "models": [{"name": "old"}], "routers": [{"path": "/v1/"}, {"path": "/echo/"}], "own": "$X"}
    ours.write_text(json.dumps(before))
    ours.chmod(0o640)
    assert main([str(theirs), "--into", str(ours)]) == 0
    router = {
        "path": "/v1/",
        "ingress": {"headers": {}, "keys": "remote"},
        "outbound": {"models": ["*"], "fail_on": ["4xx", "5xx"]},
    }
    assert json.loads(ours.read_text()) == before | {
        "providers": [{"name": "a", "dialect": "dummy"}],
        "models": [],
        "routers": [router, {"path": "/echo/"}],
    }
    assert ours.stat().st_mode & 0o777 == 0o640
    assert json.loads((tmp_path / "gl_config.json.old").read_text()) == before
    assert capsys.readouterr().out == ""


def test_the_command_reports_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theirs = tmp_path / "config.yml"
    theirs.write_text("x: 1\nproviders:\n  - {id: a, provider: dummy, config: {}}\n")
    assert main([str(theirs), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["system"], report["lost"]) == ("llm-gateway", ["line 1: x: has no equivalent"])
    assert report["config"]["providers"] == [{"name": "a", "dialect": "dummy"}]


@pytest.mark.parametrize("content", [None, "[]", '{"gl_port": ${PORT}}'])
def test_a_config_that_cannot_be_read_stays(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs, ours = tmp_path / "config.yml", tmp_path / "gl_config.json"
    theirs.write_text("providers: []\n")
    if content is not None:
        ours.write_text(content)
    assert main([str(theirs), "--into", str(ours)]) == 1
    assert f"{ours}: " in capsys.readouterr().err
    assert not ours.with_name("gl_config.json.old").exists()
