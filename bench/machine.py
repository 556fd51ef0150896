"""Describes the machine and the versions of a run, without which the figures mean nothing."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from bench import tools


def described() -> list[str]:
    """Return the machine and the versions, one per line."""
    wrk = tools.version([tools.required("wrk"), "-v"]).split("Copyright")[0].strip()
    system = f"{os.cpu_count()} cores, {platform.system()} {platform.release()}"
    python = f"Python {platform.python_version()} ({sys.base_prefix})"
    return [
        f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, {_processor()}, {system}",
        f"gecholog {_commit()}, {python}, {tools.version([tools.nats_server(), '-v'])}",
        f"{tools.version([tools.required('nginx'), '-v'])}, {wrk}",
    ]


def loads() -> str:
    """Return the load of the machine."""
    return "load average {:.1f}, {:.1f}, {:.1f} (1, 5, 15 minutes)".format(*os.getloadavg())


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    words = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "without git"
