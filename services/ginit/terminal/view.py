"""The terminal while the appliance runs: reads the system log from a pipe and the calls from the bus."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from gecholog import regular_file
from gecholog.errors import BusError
from services.ginit.lines import LineBuffer
from services.ginit.terminal import calls, summary

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from services.ginit.terminal.installation import Installation
    from services.ginit.terminal.screen import Screen

_POLL_S = 0.1  # seconds
_CHUNK = 64 * 1024  # bytes

Stamp = tuple[int, int]


async def view(
    child: subprocess.Popen[bytes], screen: Screen, installation: Installation, stale: Stamp | None = None
) -> None:
    """Show the appliance `child` until the end of its standard output, which is a pipe.

    `stale` is the stamp of a state file from before the start.
    """
    following = asyncio.create_task(_follow(screen, installation, stale), name="calls")
    try:
        await _read(child, screen)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _follow(screen: Screen, installation: Installation, stale: Stamp | None) -> None:
    """Show the summary once the start of every service is over, and each call after that."""
    state = await wait_for_startup(state_file(installation.home), stale)

    def ready() -> None:
        lines = summary.render(state, installation, screen.palette, services_shown=True)
        screen.show("\n".join(("", *lines, "")))

    screen.started()
    if installation.gateway is None:
        ready()
    else:
        try:
            await calls.follow(installation.gateway, screen.call, ready)
        except BusError as error:
            screen.show(screen.palette.yellow(f"calls are not shown: {error}"))


async def _read(child: subprocess.Popen[bytes], screen: Screen) -> None:
    """Show the system log, line by line, to its end."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), child.stdout)
    lines = LineBuffer()
    while chunk := await reader.read(_CHUNK):
        for line in lines.feed(chunk):
            screen.log(line)
    if flush := lines.flush():
        screen.log(flush)
    transport.close()


def state_file(home: Path) -> Path:
    """Where ginit writes its state."""
    return home / "run" / "state.json"


def stamp(file: Path) -> Stamp | None:
    """A value that changes when the file is written, or None."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


async def wait_for_startup(file: Path, stale: Stamp | None) -> dict[str, Any]:
    """Wait until the start of every service is over; returns the state that ginit has written to `file`.

    An appliance that was killed leaves its state behind: a file with the stamp `stale` does not count.
    """
    while not (state := _state(file, stale)).get("startup_over"):  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(_POLL_S)
    return state


def _state(file: Path, stale: Stamp | None) -> dict[str, Any]:
    if stale is not None and stamp(file) == stale:
        return {}
    try:
        state = json.loads(regular_file.read_text(file))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}
