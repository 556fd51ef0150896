"""Config files that an earlier version has put into a home: unedited ones are updated, edited ones are left alone.

A file that is byte for byte what an earlier version shipped has never been edited, so it gets the content that is
shipped now. For any other file the log says which fields the shipped file has gained since the first version.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gecholog import atomic_file, regular_file
from gecholog.config import checksum
from services.ginit.startup.fields import fields, missing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from services.ginit.startup.shipped import ShippedVersion, Versions

UPDATED = "default config file updated"
NOT_UPDATED = "cannot update default config file"
EDITED = "config file is yours, the shipped one has new fields"
_FOLDER = "replaced"  # in the config folder, for the old contents


@dataclass(frozen=True, slots=True)
class ConfigPair:
    """A config file in use, and the one of this name that is shipped now."""

    file: Path
    present: bytes
    shipped: bytes
    versions: tuple[ShippedVersion, ...]

    @property
    def is_outdated(self) -> bool:
        """Whether it is what an earlier version shipped."""
        sha256 = checksum(self.present)
        return self.present != self.shipped and any(version.sha256 == sha256 for version in self.versions)

    @property
    def new(self) -> list[str]:
        """The fields that were added to the shipped file, and that an edited file does not have."""
        if self.present == self.shipped or self.is_outdated:
            return []
        added = {field for version in self.versions for field in version.new}
        name = self.file.name
        try:
            present = fields(name, self.present.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            return []  # its validation reports what is wrong
        return [field for field in missing(fields(name, self.shipped.decode()), present) if field in added]


def pairs(source: Path, target: Path, names: Iterable[str], versions: Versions) -> Iterator[ConfigPair]:
    """The files of these names in the config folder `target`, except those that are missing or cannot be read."""
    for name in names:
        try:
            present, shipped = regular_file.read_bytes(target / name), regular_file.read_bytes(source / name)
        except OSError:
            continue
        yield ConfigPair(target / name, present, shipped, versions.get(name, ()))


def upgrade(found: Iterable[ConfigPair]) -> Iterator[tuple[str, dict[str, object]]]:
    """Update outdated files. Yields a log message and fields for each one that was updated, failed, or is edited."""
    for pair in found:
        if pair.is_outdated:
            yield _updated(pair)
        elif new := pair.new:
            yield EDITED, {"file": str(pair.file), "new": new, "see": "config-diff"}


def _updated(pair: ConfigPair) -> tuple[str, dict[str, object]]:
    shown: dict[str, object] = {"file": str(pair.file)}
    if pair.file.is_symlink():  # set up by the user, and perhaps one file for many homes
        return NOT_UPDATED, shown | {"reason": "it is a symbolic link"}
    kept = pair.file.parent / _FOLDER / f"{pair.file.stem}.{checksum(pair.present)[:12]}{pair.file.suffix}"
    try:
        status = pair.file.stat()
        kept.parent.mkdir(mode=0o750, exist_ok=True)
        atomic_file.write(kept, pair.present, like=status, fsync=True)
        atomic_file.write(pair.file, pair.shipped, like=status, fsync=True)
    except OSError as error:
        return NOT_UPDATED, shown | {"reason": error.strerror or str(error), "running_as": _user()}
    return UPDATED, shown | {"kept": str(kept)}


def _user() -> str:
    return f"{os.geteuid()}:{os.getegid()}"
