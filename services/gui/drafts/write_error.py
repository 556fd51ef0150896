"""A file of the configuration that cannot be written: what, why, and what to do about it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gecholog.errors import GechologError

_REMEDIES = {
    errno.EROFS: "Mount {folder} so that it can be written; in a container, without the option ro",
    errno.EACCES: "Give the user of the appliance (uid {uid}) the right to write in {folder}",
    errno.EPERM: "Give the user of the appliance (uid {uid}) the right to write in {folder}",
    errno.ENOSPC: "Free some space on the disk of {folder}",
    errno.EDQUOT: "Free some space in {folder}, or raise its quota",
}
_OTHER = "See that {folder} is a folder in which the appliance (uid {uid}) can write"


class CannotWrite(GechologError):
    """A file cannot be written. The message names the file, the reason, and the remedy."""

    def __init__(self, path: Path, error: OSError) -> None:
        reason = (error.strerror or type(error).__name__).lower()
        remedy = _REMEDIES.get(error.errno or 0, _OTHER).format(folder=path.parent, uid=os.geteuid())
        super().__init__(f"{path} cannot be written: {reason}. {remedy}, and try again")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raises CannotWrite for an OSError in the block, which writes or removes the file `path`."""
    try:
        yield
    except OSError as error:
        raise CannotWrite(path, error) from error
