"""Installs the packages of a lock file, and shows its progress on a terminal.

`make` calls this by its path with the Python of the new environment, before anything is installed: it imports the
standard library alone.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PACKAGE = re.compile(r"^[A-Za-z0-9]\S*==", re.MULTILINE)
_STEP = re.compile(r"^(?:Collecting|Requirement already satisfied:) (?P<name>[^\s=<>!~;\[]+)")


def main(lock: str) -> int:
    """Install the packages of `lock`; returns pip's exit code. If pip failed, its output is shown."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--progress-bar=off"]
    total = len(_PACKAGE.findall(Path(lock).read_text("utf-8")))
    output: list[str] = []
    with subprocess.Popen(  # noqa: S603 - our own command
        [*pip, "--require-hashes", "--requirement", lock],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for text in progress(_kept(process.stdout or (), output), total):
            if sys.stdout.isatty():
                sys.stdout.write(f"\r\x1b[K{text}")
                sys.stdout.flush()
    if sys.stdout.isatty():
        sys.stdout.write("\r\x1b[K")
    if process.returncode:
        sys.stderr.writelines(output)
    return process.returncode


def _kept(lines: Iterable[str], output: list[str]) -> Iterator[str]:
    for line in lines:
        output.append(line)
        yield line


def progress(lines: Iterable[str], total: int) -> Iterator[str]:
    """Progress texts for the lines that pip writes while it installs up to `total` packages."""
    seen: set[str] = set()
    for line in lines:
        if found := _STEP.match(line):
            seen.add(found["name"])
            yield f"installing packages into .venv: {len(seen)} of {max(total, len(seen))}, {found['name']}"
        elif line.startswith("Installing collected packages"):
            yield "installing packages into .venv: unpacking"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
