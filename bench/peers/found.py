"""Finds installed peers."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from bench.load import Way
from bench.options import Options
from bench.peers import litellm, portkey
from bench.peers.targets import Targets
from bench.processes import Fleet

Start = Callable[[Fleet, Path, Targets], tuple[Way, Way]]


def peers(options: Options) -> list[tuple[Start, Path]]:
    """Return how to start each installed peer, and its location."""
    places = ((litellm.start, options.litellm or _litellm()), (portkey.start, options.portkey or _portkey()))
    return [(start, place) for start, place in places if place is not None]


def _litellm() -> Path | None:
    """Return the environment of a `litellm` on the PATH."""
    program = shutil.which("litellm")
    return Path(program).parent.parent if program else None


def _portkey() -> Path | None:
    """Return Portkey's gateway in npm's global directory."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    root = subprocess.run([npm, "root", "-g"], capture_output=True, text=True, check=False).stdout.strip()
    package = Path(root) / "@portkey-ai" / "gateway"
    return package if root and package.is_dir() else None
