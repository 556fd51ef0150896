"""The checksum file: the one sign of health. It names the config in force, and is gone while nothing is served.

`HOME/checksum/.ALIAS_config.sha256` holds the SHA-256 of the config file's bytes, in hex, without a line break.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gecholog import regular_file

if TYPE_CHECKING:
    from collections.abc import Mapping

_IN_A_CONTAINER = Path("/app")


def home(environ: Mapping[str, str] | None = None) -> Path:
    """The folder of everything that is written: `GECHOLOG_HOME`, else `/app` if it can be written, else `./app`."""
    named = (os.environ if environ is None else environ).get("GECHOLOG_HOME")
    if named:
        return Path(named)
    return _IN_A_CONTAINER if os.access(_IN_A_CONTAINER, os.W_OK) else Path("app")


@dataclass(frozen=True, slots=True)
class ChecksumFile:
    """The checksum file of one service."""

    path: Path

    @classmethod
    def of(cls, alias: str, folder: Path | None = None) -> ChecksumFile:
        return cls((folder or home()) / "checksum" / f".{alias}_config.sha256")

    def write(self, checksum: str) -> None:
        """Say that the config with this checksum is in force. Readers see the old text or the new, never a part."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        beside.write_text(checksum, "ascii")
        beside.replace(self.path)

    def read(self) -> str | None:
        """The checksum in force; None if the service is not serving."""
        try:
            return regular_file.read_text(self.path, "ascii") or None
        except (OSError, UnicodeDecodeError):
            return None

    def remove(self) -> None:
        """Say that nothing is served."""
        self.path.unlink(missing_ok=True)


class Claim:
    """The right to write a checksum file, which one living process has: others of its name and home leave it alone."""

    def __init__(self, checksum_file: ChecksumFile) -> None:
        self._path = checksum_file.path.with_suffix(".lock")
        self._file: int | None = None

    def take(self) -> bool:
        """Have the right, until `release` or the end of this process; False if another process has it.

        Where nothing can be locked, everybody has it.
        """
        try:
            while self._file is None:
                self._file = self._locked()
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def _locked(self) -> int | None:
        """The lock file, locked; None if its last owner has removed it meanwhile. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file), self._path.stat()):
                return file
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(file)
            raise
        os.close(file)
        return None

    def release(self) -> None:
        """Let go of the right. Does nothing without it."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()
            os.close(file)
