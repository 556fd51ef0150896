"""The appliance in the foreground of a terminal, with a few words for people.

The system log goes to standard output, what is for people to standard error. Whatever becomes of this process, the
appliance ends with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gecholog import config, health
from gecholog.errors import ConfigError
from services.ginit.config import blueprint, build
from services.ginit.startup import ports

_LOOK_EVERY = 0.1  # seconds
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_CALL = """curl -s http://localhost:{port}/dummy/v1/chat/completions -H 'Content-Type: application/json' \\
    -d '{{"model": "dummy", "messages": [{{"role": "user", "content": "Hello"}}]}}'"""


def main() -> int:
    """Start the appliance, tell when it is ready, wait for its end; returns its exit code."""
    os.environ.setdefault("GECHOLOG_HOME", "app")
    os.environ.setdefault("NATS2FILE_LOGGER_SUBTOPIC", ".logger")
    home = health.home().absolute()
    child = _started([sys.executable, "-P", "-m", "services.ginit.startup.entrypoint"])
    if (state := _settled(child, home / "run" / "state.json")) is not None:
        _tell(state, home)
    code = child.wait()
    if code < 0:
        code = 128 - code  # a signal, as shells say it
    if code not in {0, 128 + signal.SIGINT, 128 + signal.SIGTERM}:  # those: before it could take them
        sys.stderr.write(f"The appliance has ended with exit code {code}; the lines above say why.\n")
    return code


def _started(command: list[str]) -> subprocess.Popen[bytes]:
    """The appliance as our child. Ctrl-C reaches it by itself, it is in our process group; other signals only we get.

    A Ctrl-C that comes too early for it waits until it can be taken: signals that are blocked here are blocked there.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    child = subprocess.Popen(  # noqa: S603 - our own program
        command,
        preexec_fn=_ending_with(os.getpid()),  # noqa: PLW1509 - there are no threads
    )
    if signal.SIGINT in signal.sigpending():
        child.send_signal(signal.SIGINT)  # it came before there was a child
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: child.terminate())
    return child


def _ending_with(parent: int) -> Callable[[], None]:
    """What makes a child end in order, as by SIGTERM, when `parent` dies without a chance to say so."""
    prctl = ctypes.CDLL(None).prctl

    def prepare() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)

    return prepare


def _settled(child: subprocess.Popen[bytes], file: Path) -> dict[str, Any] | None:
    """The state of the services when each has had its turn; None if the appliance ended before."""
    while child.poll() is None:
        try:
            state: dict[str, Any] = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError):
            state = {}
        if state.get("settled"):
            return state
        time.sleep(_LOOK_EVERY)
    return None


def _tell(state: dict[str, Any], home: Path) -> None:
    numbers = _ports(home)
    width = max(len(service["name"]) for service in state["services"])
    lines = [""]
    for service in state["services"]:
        name = service["name"]
        where = f"port {numbers[name]}" if name in numbers else service["reason"]
        lines.append(f"  {name:{width}}  {service['state']:8}  {where}".rstrip())
    lines += ["", f"  home folder {home}", f"  call log    {home}/log/gecholog.jsonl", "", "Try it:", ""]
    lines += [f"  {_CALL.format(port=numbers.get('gl', 5380))}", "", "Ctrl-C ends it.", ""]
    sys.stderr.write("\n".join(lines) + "\n")


def _ports(home: Path) -> dict[str, int]:
    file = home / "conf" / "ginit_config.json"
    try:
        checked = build(
            config.check(config.read(file), str(file), blueprint(), os.environ | {"GECHOLOG_HOME": str(home)})
        )
    except ConfigError:
        return {}
    return {port.service: port.number for port in reversed(ports.wanted(checked.services, os.environ))}
