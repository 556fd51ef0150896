"""What runs here, and how much room it takes: for the page System."""

from __future__ import annotations

import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from gecholog import __version__
from gecholog.recordstatus import RecordStatusFile

_FOLDERS = ("archive", "conf", "data", "journal", "keys", "log", "nats", "working")
_MOST_FILES = 20_000  # of a folder; more are not counted
_LIBRARIES = ("aiohttp", "cryptography", "Jinja2", "msgspec", "nats-py", "uvloop")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder in the home. `is_partial`: it has more files than were counted."""

    name: str
    size: int
    files: int
    is_partial: bool


@dataclass(frozen=True, slots=True)
class System:
    """Versions, room, and what waits to be delivered. Sizes are in bytes."""

    versions: tuple[tuple[str, str], ...]
    home: Path
    disk_total: int
    disk_free: int
    folders: tuple[Folder, ...]
    waiting_records: int
    lost_records: int
    dead_letters: tuple[tuple[str, int], ...]


def read(home: Path) -> System:
    """Look at the home folder. Takes some milliseconds for each thousand files."""
    disk = shutil.disk_usage(home)
    statuses = [
        status
        for file in sorted((home / "run").glob("records-*.json"))
        if (status := RecordStatusFile(file).read()) is not None
    ]
    return System(
        versions=tuple(_versions()),
        home=home.absolute(),
        disk_total=disk.total,
        disk_free=disk.free,
        folders=tuple(_folder(home, name) for name in _FOLDERS if (home / name).is_dir()),
        waiting_records=sum(status.waiting + status.held for status in statuses),
        lost_records=sum(status.lost for status in statuses),
        dead_letters=tuple(
            (file.name, file.stat().st_size) for file in sorted((home / "log").glob("*.deadletter.jsonl"))
        ),
    )


def _versions() -> Iterator[tuple[str, str]]:
    yield "gecholog", __version__
    yield "Python", platform.python_version()
    yield "SQLite", sqlite3.sqlite_version
    for name in _LIBRARIES:
        yield name, metadata.version(name)
    yield "system", f"{platform.system()} {platform.release()}, {sys.platform}"


def _folder(home: Path, name: str) -> Folder:
    size = files = 0
    for file in (home / name).rglob("*"):
        try:
            status = file.lstat()
        except OSError:  # it has gone meanwhile
            continue
        size += status.st_size
        files += 1
        if files >= _MOST_FILES:
            return Folder(name, size, files, is_partial=True)
    return Folder(name, size, files, is_partial=False)
