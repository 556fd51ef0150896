"""The journals of dead processes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.gl.record.journal.entry import ACCEPTED, ACKNOWLEDGED, Damage, UnackedRecord, acknowledgement, entries
from services.gl.record.journal.folder import is_hidden, lock, remove, remove_stale

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.gl.record.journal.entry import Entry

_MARKS = 99999999  # sorts after all segments of the folder: its marks are newer than all of their entries


def folders(root: Path, own: Path | None) -> Iterator[Path]:
    """The folders of dead processes, without our `own`. Each is locked while the caller handles it."""
    try:
        found = sorted(root.iterdir())
    except OSError:  # it has been removed: there are no orphans
        return
    for folder in found:
        if folder == own or not folder.is_dir():
            continue
        if is_hidden(folder):
            remove_stale(folder)
            continue
        try:
            file = lock(folder)
        except OSError:
            continue  # its process lives, or another process is handling it
        try:
            yield folder
        finally:
            os.close(file)


@dataclass(slots=True)
class DamageCount:
    """What could not be read of a folder: damaged places, their bytes, and whole files."""

    places: int = 0
    bytes: int = 0
    files: int = 0


def unacknowledged_records(folder: Path, damages: DamageCount | None = None) -> Iterator[UnackedRecord]:
    """The records that a dead process left, in the order in which they were stored. Damaged places are counted.

    Raises OSError if the folder cannot be read.
    """
    damages = damages or DamageCount()
    latest: dict[bytes, tuple[Path, bytes, int, int]] = {}
    for path in sorted(path for path in folder.iterdir() if path.name.isdecimal()):
        for entry in _read(path, damages):
            if entry.kind == ACKNOWLEDGED:
                latest.pop(entry.record_id, None)
            else:
                latest[entry.record_id] = (path, entry.kind, entry.offset, entry.size)
    for record_id, (path, kind, offset, size) in latest.items():
        with path.open("rb") as file:
            file.seek(offset)
            yield UnackedRecord(record_id, file.read(size), recovered=kind == ACCEPTED)


def _read(path: Path, damages: DamageCount) -> Iterator[Entry]:
    """The entries of one segment; none if its file cannot be read."""
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


def mark_acknowledged(folder: Path, record_id: bytes) -> None:
    """Mark a record as acknowledged in the folder of a dead process, so that it is published once. Raises OSError."""
    with (folder / f"{_MARKS}").open("ab") as file:
        file.write(acknowledgement(_MARKS, record_id))


def discard(folder: Path) -> None:
    """Remove the folder of a dead process."""
    for path in folder.iterdir():
        path.unlink(missing_ok=True)
    remove(folder)
