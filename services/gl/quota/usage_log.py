"""A file of lines that outlive the process, and cost no system call each: it is mapped into memory.

What is written to the map is in the page cache of the kernel at once, also if the process is killed in the next moment.
The space is allocated when the file is made, because a map of a full disk would kill the process.
"""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_MODE = 0o600


class UsageLog:
    """A new log of `size` bytes. What is not written yet are zeros."""

    def __init__(self, path: Path, size: int) -> None:
        """Raises OSError, for example if the disk is full."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _MODE)
        try:
            os.posix_fallocate(descriptor, 0, size)
            self._map = mmap.mmap(descriptor, size)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
        self._size = size
        self.used = 0

    def append(self, line: bytes) -> bool:
        """Write a line with its end. Returns whether there is room for it."""
        begin, end = self.used, self.used + len(line)
        if end > self._size:
            return False
        self._map[begin:end] = line
        self.used = end
        return True

    def close(self) -> None:
        """Unmap the file."""
        self._map.close()


def lines_of(data: bytes) -> list[bytes]:
    """The lines in the bytes of a log. The last one may be incomplete."""
    return data.rstrip(b"\0").split(b"\n")
