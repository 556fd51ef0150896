"""Config files are watched: what counts is the content, and that it has come to rest.

A file that is written again with the same content is told of, too: what was refused may be tried again. A FIFO, a
device or a huge file in its place is never read, and told of with the reason.

The operating system's notices make it quick. Looking every two seconds makes it sure: bind mounts and some volumes
give no notice, and a link may point to a file in another folder.
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
Changed = Callable[[Path, Content], None]


_EVERY = 2.0  # seconds between two looks without a notice
_AT_REST = 0.25  # seconds in which a file must not change; half a file is not a config

log = Log("watch")


def read(path: Path) -> Content:
    """The content of a file, or why there is none that can be read."""
    try:
        return regular_file.read_bytes(path)
    except FileNotFoundError:
        return Unreadable(NOT_THERE)
    except OSError as error:
        return Unreadable(regular_file.reason(error))


def _stamp(path: Path) -> Stamp | None:
    """What is another one when a file was written, or another one is in its place."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


class Watch:
    """Looks at files and tells `changed` when one holds something else than before, was written again, or is gone."""

    def __init__(self, changed: Changed) -> None:
        self._changed = changed
        self._known: Contents = {}
        self._stamps: dict[Path, Stamp | None] = {}
        self._notice = asyncio.Event()
        self._other_files = asyncio.Event()

    def look_at(self, files: Contents) -> None:
        """Watch these files from now on; the contents are what is known of them already."""
        self._known = {path: self._known.get(path, content) for path, content in files.items()}
        self._other_files.set()
        self._notice.set()

    async def run(self) -> None:
        """Watch, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(), name="notices")
            group.create_task(self._look_for_ever(), name="looks")

    async def _look_for_ever(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EVERY):
                    await self._notice.wait()
            self._notice.clear()
            unsettled = self._look({})
            while unsettled:
                await asyncio.sleep(_AT_REST)
                unsettled = self._look(unsettled)

    def _look(self, unsettled: Contents) -> Contents:
        stamps = {path: _stamp(path) for path in self._known}
        contents = {path: read(path) for path in self._known}
        settled, unsettled = compare(self._known, unsettled, contents)
        rewritten = {path for path, stamp in stamps.items() if stamp and self._stamps.get(path, stamp) != stamp}
        self._stamps = stamps
        settled |= {path: contents[path] for path in rewritten if contents[path] == self._known[path]}
        for path, content in settled.items():
            self._known[path] = content
            self._changed(path, content)
        return unsettled

    async def _listen(self) -> None:
        """Turn notices into looks. Where there are none to be had, looking now and then has to do."""
        said = False
        while True:
            self._other_files.clear()
            folders = {path.parent for path in self._known if path.parent.is_dir()}
            try:
                async for _ in watchfiles.awatch(
                    *folders, recursive=False, debounce=50, step=20, watch_filter=None, stop_event=self._other_files
                ):
                    self._notice.set()
            except (OSError, RuntimeError) as error:  # watchfiles raises RuntimeError where there are too many watches
                if not said:
                    log.warning("no notices of changed files, they are looked at every 2 seconds", reason=str(error))
                said = True
            if not self._other_files.is_set():
                await asyncio.sleep(_EVERY)  # a folder went away, or there are no notices


def compare(known: Contents, unsettled: Contents, contents: Contents) -> tuple[Contents, Contents]:
    """What has changed and come to rest, and what has changed since the last look and may still be written.

    `unsettled` is what the last look found changed.
    """
    changed = {path: content for path, content in contents.items() if content != known.get(path)}
    settled = {path: content for path, content in changed.items() if path in unsettled and unsettled[path] == content}
    return settled, {path: content for path, content in changed.items() if path not in settled}
