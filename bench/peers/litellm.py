"""LiteLLM's proxy (PyPI, `pip install 'litellm[proxy]'` in a virtual environment of its own), with one worker."""

from __future__ import annotations

import secrets
from pathlib import Path

from bench.load import Way
from bench.peers.targets import SMALL, Targets
from bench.processes import HOST, Fleet, listens

_CONFIG = """
model_list:
  - model_name: bench
    litellm_params: {{model: openai/bench, api_base: "{plain}", api_key: benchmark}}
  - model_name: bench-streams
    litellm_params: {{model: openai/bench, api_base: "{streams}", api_key: benchmark}}
litellm_settings:
  telemetry: false
"""


def start(fleet: Fleet, environment: Path, targets: Targets) -> tuple[Way, Way]:
    """Start it, and return the paths of plain calls and of streams."""
    port = fleet.port()
    config = fleet.folder / "litellm.yaml"
    config.write_text(_CONFIG.format(plain=targets.plain, streams=targets.streams))
    program = environment / "bin" / "litellm"
    words = [str(program), "--config", str(config), "--host", HOST, "--port", str(port), "--num_workers", "1"]
    key = f"sk-{secrets.token_hex(32)}"  # it does not start without one
    fleet.start(
        "litellm",
        words,
        listens(port),
        {"LITELLM_MASTER_KEY": key, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"},
    )
    url = f"http://{HOST}:{port}/v1/chat/completions"
    headers = {"Authorization": f"Bearer {key}"}
    return (
        Way("litellm", "LiteLLM", url, "litellm", headers, bodies=(SMALL,), connections=(1, 32)),
        Way("litellm", "LiteLLM", url, "litellm", headers, model="bench-streams"),
    )
