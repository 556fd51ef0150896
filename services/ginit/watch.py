"""Watches config files, and reports a new content once it is stable (debounced): half a file is not a config.

A file that is written again with the same content is reported, too, because a config that was refused may be accepted
now. A FIFO, a device or a huge file is never read; it is reported with the reason.

Files are scanned on each file-system event, and every two seconds, because bind mounts and some volumes emit no events,
and a link may point to a file in another folder.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import watchfiles

from gecholog import regular_file
from gecholog.logs import Log
from services.ginit.decision.events import NOT_THERE


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a file has no content, as in "is not there" or "is a FIFO, not a regular file"."""

    reason: str


Content = bytes | Unreadable
Contents = dict[Path, Content]
Stamp = tuple[int, int]
OnChange = Callable[[Path, Content], None]


_SCAN_INTERVAL_S = 2.0  # without an event
_DEBOUNCE_S = 0.25  # between two scans that must read the same

log = Log("watch")


def read(path: Path) -> Content:
    """The content of a file, or why it cannot be read."""
    try:
        return regular_file.read_bytes(path)
    except FileNotFoundError:
        return Unreadable(NOT_THERE)
    except OSError as error:
        return Unreadable(regular_file.reason(error))


def _stamp(path: Path) -> Stamp | None:
    """A value that changes when the file is written or replaced; None if there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


class FileWatch:
    """Scans files, and calls `on_change` when one has another content, was written again, or is gone."""

    def __init__(self, on_change: OnChange) -> None:
        self._on_change = on_change
        self._known: Contents = {}
        self._stamps: dict[Path, Stamp | None] = {}
        self._event = asyncio.Event()
        self._other_files = asyncio.Event()

    def set_files(self, files: Contents) -> None:
        """Watch these files from now on; the contents are what is known of them already."""
        self._known = {path: self._known.get(path, content) for path, content in files.items()}
        self._other_files.set()
        self._event.set()

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._receive_events(), name="file-system events")
            group.create_task(self._scan_forever(), name="scans")

    async def _scan_forever(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SCAN_INTERVAL_S):
                    await self._event.wait()
            self._event.clear()
            changing = self._scan({})
            while changing:
                await asyncio.sleep(_DEBOUNCE_S)
                changing = self._scan(changing)

    def _scan(self, changing: Contents) -> Contents:
        stamps = {path: _stamp(path) for path in self._known}
        contents = {path: read(path) for path in self._known}
        stable, changing = compare(self._known, changing, contents)
        rewritten = {path for path, stamp in stamps.items() if stamp and self._stamps.get(path, stamp) != stamp}
        self._stamps = stamps
        stable |= {path: contents[path] for path in rewritten if contents[path] == self._known[path]}
        for path, content in stable.items():
            self._known[path] = content
            self._on_change(path, content)
        return changing

    async def _receive_events(self) -> None:
        """Cause a scan on each file-system event. Where events are unavailable, polling is the fallback."""
        logged = False
        while True:
            self._other_files.clear()
            folders = {path.parent for path in self._known if path.parent.is_dir()}
            try:
                async for _ in watchfiles.awatch(
                    *folders, recursive=False, debounce=50, step=20, watch_filter=None, stop_event=self._other_files
                ):
                    self._event.set()
            except (OSError, RuntimeError) as error:  # watchfiles raises RuntimeError where there are too many watches
                if not logged:
                    log.warning(
                        "file-system events unavailable, polling config files every 2 seconds", reason=str(error)
                    )
                logged = True
            if not self._other_files.is_set():
                await asyncio.sleep(_SCAN_INTERVAL_S)  # a folder went away, or there are no events


def compare(known: Contents, changing: Contents, contents: Contents) -> tuple[Contents, Contents]:
    """The files that have changed and are stable now, and those that are still changing.

    `known` holds the contents that were reported last, `changing` what the last scan returned as still changing, and
    `contents` what this scan has read. A new content is stable if two scans in a row have read it.
    """
    changed = {path: content for path, content in contents.items() if content != known.get(path)}
    stable = {path: content for path, content in changed.items() if path in changing and changing[path] == content}
    return stable, {path: content for path, content in changed.items() if path not in stable}
