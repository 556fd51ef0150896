"""The number of connections of each worker, in memory that all of them share.

Without it, the worker that wakes up first would accept all connections that wait, and clients that keep their
connections would use one core. A number is written by its worker only, so there is no lock. What a worker reads may be
a moment old; that costs balance and nothing else.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from typing import BinaryIO

_MOST = 64  # workers
_ABSENT = -1  # the worker does not exist


class Counts:
    """The numbers, one for each worker that may be. They belong to an open file without a name."""

    def __init__(self, descriptor: int) -> None:
        """`descriptor` is that of a file of `create`. Raises OSError."""
        self.descriptor = descriptor
        self._map = mmap.mmap(descriptor, 8 * _MOST)
        self._numbers = memoryview(self._map).cast("q")

    @staticmethod
    def create() -> BinaryIO:
        """A new file for the numbers, in memory where there are such files. Raises OSError."""
        file = _file_in_memory() or tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        file.write(_ABSENT.to_bytes(8, "little", signed=True) * _MOST)
        file.flush()
        return file

    def clear(self, index: int) -> None:
        """There is no worker of this number any more, or not yet."""
        self._numbers[index] = _ABSENT

    def of(self, index: int) -> WorkerBalance:
        """The balance in the worker of this number."""
        return WorkerBalance(self._numbers, index)


def _file_in_memory() -> BinaryIO | None:
    """A new file that needs no folder that can be written to; None if the system has no anonymous files."""
    create = getattr(os, "memfd_create", None)
    if create is None:
        return None
    try:
        return os.fdopen(create("gl-workers"), "w+b")
    except OSError:  # a sandbox may forbid it
        return None


class WorkerBalance:
    """See `services.gl.server.acceptor.Balance`. Others see the number between `begin` and `end`."""

    def __init__(self, numbers: memoryview[int], index: int) -> None:
        self._numbers = numbers
        self._index = index
        self._open = 0
        self._is_accepting = False
        self._publish()

    def begin(self) -> None:
        """From now on this worker accepts connections."""
        self._is_accepting = True
        self._publish()

    def end(self) -> None:
        """This worker accepts no more connections."""
        self._is_accepting = False
        self._publish()

    def opened(self) -> None:
        """Count a connection of this process."""
        self._open += 1
        self._publish()

    def closed(self) -> None:
        """A connection of this process is closed."""
        self._open -= 1
        self._publish()

    def is_ahead(self) -> bool:
        """Whether another worker has fewer connections than this one."""
        return self._open > 0 and any(0 <= number < self._open for number in self._numbers)

    def _publish(self) -> None:
        self._numbers[self._index] = self._open if self._is_accepting else _ABSENT
