"""Watches config files. A change counts when the content is another one and does not change any more.

A file that is written again with the same content is reported, too: what was refused may be tried again. A FIFO, a
device or a huge file in its place is never read, and reported with the reason.

File-system events make it quick. A scan every two seconds makes it sure: bind mounts and some volumes give no events,
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
_SETTLED_AFTER_S = 0.25  # in which a file must not change; half a file is not a config

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
    """Changes when the file is written or replaced; None if there is no file."""
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
            group.create_task(self._scan_for_ever(), name="scans")

    async def _scan_for_ever(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SCAN_INTERVAL_S):
                    await self._event.wait()
            self._event.clear()
            unsettled = self._scan({})
            while unsettled:
                await asyncio.sleep(_SETTLED_AFTER_S)
                unsettled = self._scan(unsettled)

    def _scan(self, unsettled: Contents) -> Contents:
        stamps = {path: _stamp(path) for path in self._known}
        contents = {path: read(path) for path in self._known}
        settled, unsettled = compare(self._known, unsettled, contents)
        rewritten = {path for path, stamp in stamps.items() if stamp and self._stamps.get(path, stamp) != stamp}
        self._stamps = stamps
        settled |= {path: contents[path] for path in rewritten if contents[path] == self._known[path]}
        for path, content in settled.items():
            self._known[path] = content
            self._on_change(path, content)
        return unsettled

    async def _receive_events(self) -> None:
        """Scan on each file-system event. Where events are unavailable, the scans every two seconds have to do."""
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


def compare(known: Contents, unsettled: Contents, contents: Contents) -> tuple[Contents, Contents]:
    """The files that have changed and settled, and those that have changed since the last scan.

    `unsettled` is what the last scan found changed.
    """
    changed = {path: content for path, content in contents.items() if content != known.get(path)}
    settled = {path: content for path, content in changed.items() if path in unsettled and unsettled[path] == content}
    return settled, {path: content for path, content in changed.items() if path not in settled}
