"""Permissions of the files of a sink, which contain whole prompts and responses."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable

OWNER, GROUP_READS = 0o600, 0o640


def restrict(file: int, allowed: int) -> None:
    """Remove the permissions of an open file that exceed `allowed`. Never adds any."""
    _change(file, lambda present: present & allowed)


def set_mode(file: int, mode: int) -> None:
    """Set the permissions of an open file, regardless of the umask."""
    _change(file, lambda _: mode)


def _change(file: int, wanted: Callable[[int], int]) -> None:
    """Change the mode of a regular file that this user owns. Pipes and the files of other owners stay as they are."""
    status = os.fstat(file)
    present = stat.S_IMODE(status.st_mode)
    if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and wanted(present) != present:
        with contextlib.suppress(OSError):  # the file system has no permissions
            os.fchmod(file, wanted(present))
