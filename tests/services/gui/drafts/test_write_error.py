"""What is said about a file that cannot be written."""

import errno
import os
from pathlib import Path

import pytest

from services.gui.drafts.write_error import CannotWrite, writing

FILE = Path("/app/conf/gl_config.json")


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (
            errno.EROFS,
            "read-only file system. Mount /app/conf so that it can be written; in a container, without the option ro",
        ),
        (
            errno.EACCES,
            f"permission denied. Give the user of the appliance (uid {os.geteuid()}) the right to write in /app/conf",
        ),
        (errno.ENOSPC, "no space left on device. Free some space on the disk of /app/conf"),
        (
            errno.EIO,
            f"input/output error. See that /app/conf is a folder in which the appliance (uid {os.geteuid()}) can write",
        ),
    ],
    ids=["read-only", "rights", "full", "other"],
)
def test_file_reason_and_remedy(number, expected):
    with pytest.raises(CannotWrite) as error, writing(FILE):
        raise OSError(number, os.strerror(number), "/app/conf/.gl_config.json.12")
    assert str(error.value) == f"{FILE} cannot be written: {expected}, and try again"
