"""Finds the required programs, and says how to install missing ones."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

_PACKAGES = {"nginx": "nginx-light", "wrk": "wrk"}


def missing() -> str | None:
    """Return what to install as a sentence, or None if nothing is missing."""
    absent = [package for name, package in _PACKAGES.items() if find(name) is None]
    if absent:
        return f"The benchmarks need nginx and wrk. On Debian: apt install --no-install-recommends {' '.join(absent)}"
    return None


def find(name: str) -> str | None:
    """Return the path of a program. Debian installs nginx outside of the PATH of ordinary users."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def required(name: str) -> str:
    """Return the path of a program. Raises FileNotFoundError."""
    found = find(name)
    if found is None:
        raise FileNotFoundError(name)
    return found


def nats_server() -> str:
    """Return the path of the nats-server in our environment, or of the system's."""
    beside = Path(sys.executable).with_name("nats-server")
    return str(beside) if beside.exists() else required("nats-server")


def version(words: list[str]) -> str:
    """Return the first line of a program's version output."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0] if lines else ""
