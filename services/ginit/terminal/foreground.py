"""The appliance in the foreground of a terminal.

On a terminal the user sees a short start, a summary, and a line for each call and event. Elsewhere, or with
GECHOLOG_LOG=json, the system log goes to standard output as JSON lines, and the summary to standard error. The
appliance ends with this process, even if that is killed.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from gecholog import __version__, health
from services.ginit.terminal import summary
from services.ginit.terminal.installation import Installation
from services.ginit.terminal.palette import Palette
from services.ginit.terminal.screen import Screen
from services.ginit.terminal.view import Stamp, stamp, state_file, view, wait_for_startup

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def main() -> int:
    """Start the appliance, show when it is ready, wait for its end; returns its exit code."""
    os.environ.setdefault("GECHOLOG_HOME", "app")
    os.environ.setdefault("NATS2FILE_LOGGER_SUBTOPIC", ".logger")
    os.environ.setdefault("GECHOLOG_LISTEN", "127.0.0.1")  # on a laptop, so that no other machine can use the keys
    home = health.home().absolute()
    is_text = _is_text()
    stale = stamp(state_file(home))
    child = _started(
        [sys.executable, "-P", "-m", "services.ginit.startup.entrypoint"], subprocess.PIPE if is_text else None
    )
    asyncio.run(_as_text(child, home, stale) if is_text else _as_json(child, home, stale))
    code = child.wait()
    if code < 0:
        code = 128 - code  # a signal, as shells report it
    if code not in {0, 128 + signal.SIGINT, 128 + signal.SIGTERM}:  # these arrived before it could handle them
        sys.stderr.write(f"The appliance has ended with exit code {code}; the lines above say why.\n")
    return code


def _is_text() -> bool:
    """Whether to write text: as GECHOLOG_LOG says (`text`, `json`), else if standard output is a terminal."""
    chosen = os.environ.get("GECHOLOG_LOG", "").lower()
    return chosen == "text" or (chosen != "json" and sys.stdout.isatty())


async def _as_text(child: subprocess.Popen[bytes], home: Path, stale: Stamp | None) -> None:
    installation = Installation(home, os.environ)
    logging.getLogger("gecholog").addHandler(logging.NullHandler())  # the services log the same as we do
    screen = Screen(sys.stdout, Palette.of(os.environ), installation)
    screen.show(f"gecholog {__version__} is starting in {home}")
    await view(child, screen, installation, stale)


async def _as_json(child: subprocess.Popen[bytes], home: Path, stale: Stamp | None) -> None:
    """The appliance writes its log itself. Show the summary when it is ready."""
    summary_task = asyncio.create_task(_show_summary(home, stale), name="summary")
    await asyncio.to_thread(child.wait)
    summary_task.cancel()
    await asyncio.gather(summary_task, return_exceptions=True)


async def _show_summary(home: Path, stale: Stamp | None) -> None:
    state = await wait_for_startup(state_file(home), stale)
    palette = Palette.of(os.environ) if sys.stderr.isatty() else Palette(enabled=False)
    lines = summary.render(state, Installation(home, os.environ), palette)
    sys.stderr.write("\n".join(("", *lines, "")) + "\n")


def _started(command: list[str], stdout: int | None) -> subprocess.Popen[bytes]:
    """Start the appliance as a child. Ctrl-C reaches it too, being in our process group; other signals are passed on.

    A Ctrl-C that comes too early stays pending until the child can handle it: it inherits the signals blocked here.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    child = subprocess.Popen(  # noqa: S603 - our own program
        command,
        stdout=stdout,
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
    """What to run in a child so that it gets SIGTERM when `parent` dies."""
    prctl = ctypes.CDLL(None).prctl

    def prepare() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)

    return prepare
