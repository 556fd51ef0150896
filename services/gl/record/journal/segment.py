"""One file of the journal."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Segment:
    """One file of the journal. `live` counts the records in it that are not released.

    `size` is what was written to it, `length` the bytes of its file: behind `size` is what it held before.
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
        """Write entries with one system call; returns the offset at which they begin. Raises OSError."""
        start = self.size
        written = os.pwritev(self._file, parts, start)
        if written < sum(map(len, parts)):
            self._trim()
            raise OSError(errno.ENOSPC, "no space left for the journal")
        self.size += written
        self.length = max(self.length, self.size)
        return start

    def _trim(self) -> None:
        """Give back what is behind the last whole entry."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, self.size)
            self.length = self.size

    def read(self, offset: int, size: int) -> bytes:
        return os.pread(self._file, size, offset)

    def set_aside(self, path: Path) -> None:
        """Keep the file, which has no live records, for another segment. Raises OSError."""
        self.path = self.path.rename(path)

    def begin(self, path: Path) -> None:
        """Be another segment, from the beginning of the file. Raises OSError."""
        self.path = self.path.rename(path)
        self.number = int(path.name)
        self.size = 0

    def close(self) -> None:
        os.close(self._file)

    def remove(self) -> None:
        """The file is emptied first: a folder that cannot be written to must not keep what was released."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, 0)
        self.close()
        with contextlib.suppress(OSError):
            self.path.unlink()
