"""The NATS command line, which is installed on few machines."""

import os
import shutil
from pathlib import Path


def nats_command() -> str | None:
    """The nats command: on PATH, or where `go install` puts it. None if it is not installed."""
    if found := shutil.which("nats"):
        return found
    gopath = os.environ.get("GOPATH") or str(Path.home() / "go")
    return shutil.which("nats", path=str(Path(gopath) / "bin"))
