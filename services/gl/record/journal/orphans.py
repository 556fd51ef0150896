"""What dead processes left: journals that nobody writes to any more."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.gl.record.journal.entry import ACCEPTED, RELEASED, Damage, Kept, entries, released
from services.gl.record.journal.folder import lock, remove

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.gl.record.journal.entry import Entry

_MARKS = 99999999  # behind all segments of the folder: what stands there was released after everything else


def folders(root: Path, own: Path | None) -> Iterator[Path]:
    """Folders of processes that died, all but our `own`. Each is locked while the caller looks at it."""
    try:
        found = sorted(root.iterdir())
    except OSError:  # somebody has removed it: nothing is there to be adopted
        return
    for folder in found:
        if folder == own or not folder.is_dir():
            continue
        try:
            file = lock(folder)
        except OSError:
            continue  # its process lives, or another one adopts it just now
        try:
            yield folder
        finally:
            os.close(file)


@dataclass(slots=True)
class Damages:
    """What of a folder could not be read: how many places, how many bytes; `files` that could not be read at all."""

    places: int = 0
    bytes: int = 0
    files: int = 0


def unreleased(folder: Path, damages: Damages | None = None) -> Iterator[Kept]:
    """The records that a dead process left, in the order in which they were kept. What is damaged is counted.

    Raises OSError if the folder cannot be read.
    """
    damages = damages or Damages()
    latest: dict[bytes, tuple[Path, bytes, int, int]] = {}
    for path in sorted(path for path in folder.iterdir() if path.name.isdecimal()):
        for entry in _read(path, damages):
            if entry.kind == RELEASED:
                latest.pop(entry.record_id, None)
            else:
                latest[entry.record_id] = (path, entry.kind, entry.offset, entry.size)
    for record_id, (path, kind, offset, size) in latest.items():
        with path.open("rb") as file:
            file.seek(offset)
            yield Kept(record_id, file.read(size), recovered=kind == ACCEPTED)


def _read(path: Path, damages: Damages) -> Iterator[Entry]:
    """The entries of one segment. A file that cannot be read does not hide the others."""
    try:
        segment = path.read_bytes()
    except OSError:
        damages.files += 1
        return
    for entry in entries(segment, int(path.name)):
        if isinstance(entry, Damage):
            damages.places += 1
            damages.bytes += entry.size
        else:
            yield entry


def mark(folder: Path, record_id: bytes) -> None:
    """Note in the folder of a dead process that the bus has a record, lest it is published again. Raises OSError."""
    with (folder / f"{_MARKS}").open("ab") as file:
        file.write(released(_MARKS, record_id))


def discard(folder: Path) -> None:
    """Remove the folder of a dead process."""
    for path in folder.iterdir():
        path.unlink(missing_ok=True)
    remove(folder)
