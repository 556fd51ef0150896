"""Where the ledger is: a SQLite file, or a PostgreSQL database. Imports no SQL."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from gecholog.health import home
from gecholog.ledger.errors import LedgerError

VARIABLE = "LEDGER_URL"
"""The environment variable that names the ledger, if no config does."""

FORMS = "must be postgresql://USER:PASSWORD@HOST/DATABASE, or sqlite:// and the absolute path of a file"

# Their locks do not hold between machines, or writes through a shared memory map are not seen: WAL needs both.
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "glusterfs", "fuse.sshfs"})
_NETWORK_PREFIXES = ("fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "fuse.ceph", "fuse.blobfuse")


@dataclass(frozen=True, slots=True)
class Location:
    """The address of a ledger. `file` is set for SQLite, `url` (which may have a password) for PostgreSQL."""

    file: Path | None
    url: str = field(default="", repr=False)

    @property
    def is_sqlite(self) -> bool:
        return self.file is not None

    @property
    def shown(self) -> str:
        """The address for people: without user and password."""
        if self.file is not None:
            return str(self.file)
        parts = urlsplit(self.url)
        port = f":{parts.port}" if parts.port else ""
        return f"postgresql://{parts.hostname or ''}{port}{parts.path}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that must not appear in a log."""
        if self.file is not None:
            return ()
        password = urlsplit(self.url).password or ""
        return tuple(dict.fromkeys(filter(None, (self.url, password, unquote(password)))))


def default_file() -> Path:
    """The SQLite file of a ledger without an address."""
    return home() / "data" / "ledger.db"


def locate(url: str) -> Location:
    """The location that an address names; an empty one is the default file. Raises LedgerError for any other form."""
    if not url:
        return Location(default_file())
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise LedgerError(FORMS) from error
    if parts.scheme in {"postgresql", "postgres"} and parts.hostname and parts.path.strip("/") and not parts.fragment:
        return Location(None, url)
    if parts.scheme == "sqlite" and not parts.netloc and parts.path.strip("/"):
        file = Path(unquote(parts.path))
        return Location(Path("/") / str(file).lstrip("/"))
    raise LedgerError(FORMS)


def from_environment() -> Location:
    """The ledger that `LEDGER_URL` names, or the default file. Raises LedgerError."""
    try:
        return locate(os.environ.get(VARIABLE, ""))
    except LedgerError as error:
        raise LedgerError(f"{VARIABLE} {error}") from error


def why_unfit(file: Path, mounts: str) -> str:
    """Why a SQLite file cannot be where it is, empty if it can. `mounts` is the text of /proc/self/mounts. Pure."""
    best, kind = "", ""
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 3:  # noqa: PLR2004 - device, folder, type
            continue
        folder = fields[1].replace("\\040", " ")
        inside = folder == "/" or str(file) == folder or str(file).startswith(f"{folder}/")
        if inside and len(folder) >= len(best):
            best, kind = folder, fields[2]
    if kind in _NETWORK or kind.startswith(_NETWORK_PREFIXES):
        return (
            f"{file} is on a network file system ({kind} at {best}), where SQLite would damage its data: "
            f"use a local disk, or PostgreSQL ({VARIABLE}=postgresql://…)"
        )
    return ""
