"""Who may read the files of a sink: they hold whole prompts and answers."""

from __future__ import annotations

import contextlib
import os
import stat

OWNER, GROUP_READS = 0o600, 0o640


def restrict(file: int, allowed: int) -> None:
    """Take from an open file what permissions go beyond `allowed`; never give more.

    Only from a regular file that is ours: a pipe is somebody's way in, and what another owner has set up stays.
    """
    status = os.fstat(file)
    present = stat.S_IMODE(status.st_mode)
    if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and present & ~allowed:
        with contextlib.suppress(OSError):  # file systems without permissions
            os.fchmod(file, present & allowed)
