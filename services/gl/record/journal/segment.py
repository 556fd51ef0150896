"""Segments: the files of the journal."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Segment:
    """One file of the journal. `live` counts the records in it that are not acknowledged.

    `size` is the number of bytes written to it, `length` that of its file. Bytes after `size` are earlier content.
    """

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self.path = path
        self.number = int(path.name)
        self.live = 0
        self.size = 0
        self.length = 0
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def append(self, parts: Sequence[bytes]) -> int:
        """Write entries with one system call. Returns the offset of the first one. Raises OSError."""
        start = self.size
        written = os.pwritev(self._file, parts, start)
        if written < sum(map(len, parts)):
            self._trim()
            raise OSError(errno.ENOSPC, "no space left for the journal")
        self.size += written
        self.length = max(self.length, self.size)
        return start

    def _trim(self) -> None:
        """Truncate the file after the last complete entry."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, self.size)
            self.length = self.size

    def read(self, offset: int, size: int) -> bytes:
        return os.pread(self._file, size, offset)

    def set_aside(self, path: Path) -> None:
        """Rename the file, which has no live records, so that another segment can overwrite it. Raises OSError."""
        self.path = self.path.rename(path)

    def begin(self, path: Path) -> None:
        """Become another segment, which overwrites the file from its beginning. Raises OSError."""
        self.path = self.path.rename(path)
        self.number = int(path.name)
        self.size = 0

    def close(self) -> None:
        os.close(self._file)

    def remove(self) -> None:
        """Remove the file. It is emptied first: in a read-only folder, acknowledged records must not come back."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, 0)
        self.close()
        with contextlib.suppress(OSError):
            self.path.unlink()
