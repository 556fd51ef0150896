"""Who may read the files of a sink: they hold whole prompts and answers."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable

OWNER, GROUP_READS = 0o600, 0o640


def restrict(file: int, allowed: int) -> None:
    """Take from an open file what permissions go beyond `allowed`; never give more."""
    _change(file, lambda present: present & allowed)


def give(file: int, exactly: int) -> None:
    """Set the permissions of an open file, whatever the umask says."""
    _change(file, lambda _: exactly)


def _change(file: int, wanted: Callable[[int], int]) -> None:
    """Only of a regular file that is ours: a pipe is somebody's way in, and what another owner has set up stays."""
    status = os.fstat(file)
    present = stat.S_IMODE(status.st_mode)
    if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and wanted(present) != present:
        with contextlib.suppress(OSError):  # file systems without permissions
            os.fchmod(file, wanted(present))
