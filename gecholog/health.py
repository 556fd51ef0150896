"""The checksum file of a service: it exists while the service is healthy, and names the config in force.

`HOME/checksum/.ALIAS_config.sha256` contains the SHA-256 of the config file's bytes, in hex, without a line break. Next
to it, `.ALIAS_config.report.json` lists the entries of that config that are left out, and why:

    {"checksum": "…",
     "left_out": [{"list": "routers", "name": "/a/", "entry": "router /a/", "closes": [],
                   "problems": [{"path": "routers[2].outbound.url", "line": 45, "rule": "must be …"}]}],
     "warnings": [{"path": "…", "line": 7, "rule": "…"}]}

`closes` are routers whose calls are refused because the entry is left out. `"off": true` means that the service is
healthy and has nothing to do.

The third file, `.ALIAS_config.lock`, is locked by the process that writes the other two. That process updates the time
of the file every second, as a heartbeat: a service whose heartbeat stops hangs.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gecholog import atomic_file, file_lock, regular_file

if TYPE_CHECKING:
    from collections.abc import Mapping

HEARTBEAT_INTERVAL_S = 1.0
"""Seconds between two heartbeats of a service."""

HEARTBEAT_TIMEOUT_S = 6.0
"""Seconds without a heartbeat after which a service is not healthy."""

_IN_A_CONTAINER = Path("/app")


def home(environ: Mapping[str, str] | None = None) -> Path:
    """The home folder, where all files are written: `GECHOLOG_HOME`, or `/app` if it is writable, or `./app`."""
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

    @property
    def report_path(self) -> Path:
        """The file that lists the entries left out."""
        return self.path.with_suffix(".report.json")

    def write(self, checksum: str, report: Mapping[str, Any] | None = None) -> None:
        """Declare that the config with this checksum is in force. The file is replaced as a whole.

        `report` is what `read_report` returns; None if the service does not report.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if report is None:
            self.report_path.unlink(missing_ok=True)
        else:  # first, so that readers of the checksum find the report
            atomic_file.write(self.report_path, json.dumps(report).encode())
        atomic_file.write(self.path, checksum.encode())

    def read(self) -> str | None:
        """The checksum in force; None if the service is not serving."""
        try:
            return regular_file.read_text(self.path, "ascii") or None
        except (OSError, UnicodeDecodeError):
            return None

    def read_report(self) -> dict[str, Any] | None:
        """The report on the config in force, or None."""
        try:
            report = json.loads(regular_file.read_bytes(self.report_path))
        except (OSError, ValueError):
            return None
        return report if isinstance(report, dict) and report.get("checksum") == self.read() else None

    def is_off(self) -> bool:
        """Tell whether the service reports that it has nothing to do."""
        return (self.read_report() or {}).get("off") is True

    def remove(self) -> None:
        """Declare that the service is not healthy."""
        self.path.unlink(missing_ok=True)
        self.report_path.unlink(missing_ok=True)


def last_heartbeat(alias: str, folder: Path | None = None) -> tuple[int, int] | None:
    """A value that changes with each heartbeat of a service; None if the service has none."""
    try:
        status = _lock_of(ChecksumFile.of(alias, folder)).stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def in_force(alias: str, folder: Path | None = None) -> str | None:
    """The checksum in force; None if the service is not serving, or its heartbeat has stopped."""
    return None if is_silent(alias, folder) else ChecksumFile.of(alias, folder).read()


def is_silent(alias: str, folder: Path | None = None) -> bool:
    """Tell whether the heartbeat of a service has stopped, and not because the service has ended in order."""
    try:
        silence = time.time() - _lock_of(ChecksumFile.of(alias, folder)).stat().st_mtime
    except OSError:  # not one of our services, or its folder is not writable
        return False
    return abs(silence) > HEARTBEAT_TIMEOUT_S  # if the clock was set back, the next heartbeat corrects it


def _lock_of(checksum_file: ChecksumFile) -> Path:
    return checksum_file.path.with_suffix(".lock")


class ChecksumLock:
    """The lock on a service's checksum file: one process of an alias and home folder holds it, and only it may write.

    The holder updates the time of the lock file every second (`beat`). A process that hangs leaves its checksum file
    in place, but its heartbeat stops.
    """

    def __init__(self, checksum_file: ChecksumFile) -> None:
        self._path = _lock_of(checksum_file)
        self._file: int | None = None

    def acquire(self) -> bool:
        """Hold the lock until `release` or the end of this process. Returns False if another process holds it.

        Where files cannot be locked, every process counts as the holder.
        """
        try:
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = file_lock.acquire(self._path)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def beat(self) -> None:
        """Send a heartbeat. Does nothing without the lock. Raises OSError.

        The time written is that of this machine, because a file server may have another clock.
        """
        if self._file is not None and not file_lock.is_at(self._file, self._path):  # someone has removed the file
            os.close(self._file)
            self._file = None
            self.acquire()
        if self._file is not None:
            moment = time.time_ns()
            os.utime(self._file, ns=(moment, moment))

    def release(self) -> None:
        """Release the lock, and remove its file. Does nothing without the lock."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()
            os.close(file)
