"""Portkey's gateway (npm, `npm install @portkey-ai/gateway`; the folder of the package is given)."""

from __future__ import annotations

from pathlib import Path

from bench import tools
from bench.load import Way
from bench.peers.targets import SIZE, Targets
from bench.processes import HOST, Fleet, listens


def start(fleet: Fleet, package: Path, targets: Targets) -> tuple[Way, Way]:
    """Start it; returns the way of plain calls and that of streams."""
    port = fleet.port()
    words = [tools.required("node"), str(package / "build" / "start-server.js"), f"--port={port}", "--headless"]
    fleet.start("portkey", words, listens(port))
    url = f"http://{HOST}:{port}/v1/chat/completions"
    return (
        Way("portkey", "Portkey", url, "portkey", _headers(targets.plain), sizes=(SIZE,), connections=(1, 32)),
        Way("portkey", "Portkey", url, "portkey", _headers(targets.streams)),
    )


def _headers(target: str) -> dict[str, str]:
    """Where to send the call is said with the call."""
    return {
        "Authorization": "Bearer benchmark",
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": target,
    }
