"""Portkey's gateway (`npm install @portkey-ai/gateway`, started from the directory of the package)."""

from __future__ import annotations

from pathlib import Path

from bench import tools
from bench.load import Way
from bench.peers.targets import SMALL, Targets
from bench.processes import HOST, Fleet, listens


def start(fleet: Fleet, package: Path, targets: Targets) -> tuple[Way, Way]:
    """Start it, and return the paths of plain calls and of streams."""
    port = fleet.port()
    words = [tools.required("node"), str(package / "build" / "start-server.js"), f"--port={port}", "--headless"]
    fleet.start("portkey", words, listens(port))
    url = f"http://{HOST}:{port}/v1/chat/completions"
    return (
        Way("portkey", "Portkey", url, "portkey", _headers(targets.plain), bodies=(SMALL,), connections=(1, 32)),
        Way("portkey", "Portkey", url, "portkey", _headers(targets.streams)),
    )


def _headers(target: str) -> dict[str, str]:
    """Return the headers that select the upstream of a call."""
    return {
        "Authorization": "Bearer benchmark",
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": target,
    }
