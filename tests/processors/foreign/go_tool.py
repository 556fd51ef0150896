"""Go programs in tests: built if Go and the modules are available. Otherwise the test is skipped."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

MODULES = Path(__file__).parent / "go"
_BUILD_TIMEOUT_S = 300  # seconds: the first build compiles the standard library


def build(source, folder):
    """Build the program of a Go file, with the modules of `go/go.mod`."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("go is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("go.mod", "go.sum"):
        shutil.copy(MODULES / name, folder)
    (folder / "main.go").write_text(source, "utf-8")
    fetched = _go(go, folder, "mod", "download")
    if fetched.returncode:
        pytest.skip(f"the modules of {MODULES / 'go.mod'} cannot be had: {fetched.stderr.strip()}")
    built = _go(go, folder, "build", "-o", "program", ".")
    assert built.returncode == 0, built.stderr
    return folder / "program"


def _go(go, folder, *words):
    environment = os.environ | {"CGO_ENABLED": "0"}
    command = [go, *words]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_BUILD_TIMEOUT_S, check=False
    )
