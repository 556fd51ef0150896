"""Programs that have to be on the machine, and what to do when they are not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

_PACKAGES = {"nginx": "nginx-light", "wrk": "wrk"}


def missing() -> str | None:
    """What to install, as a sentence; None if everything is there."""
    absent = [package for name, package in _PACKAGES.items() if find(name) is None]
    if absent:
        return f"The benchmarks need nginx and wrk. On Debian: apt install --no-install-recommends {' '.join(absent)}"
    return None


def find(name: str) -> str | None:
    """Where a program is; Debian keeps nginx where an ordinary user's PATH does not lead."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def required(name: str) -> str:
    """Where a program is. Raises FileNotFoundError."""
    found = find(name)
    if found is None:
        raise FileNotFoundError(name)
    return found


def nats_server() -> str:
    """The nats-server that came with our python packages, or the machine's."""
    beside = Path(sys.executable).with_name("nats-server")
    return str(beside) if beside.exists() else required("nats-server")


def version(words: list[str]) -> str:
    """The first line of what a program says about its version."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0] if lines else ""
