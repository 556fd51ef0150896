"""Copies of the config files: a service starts from what was validated, whatever is written to the file meanwhile.

The copies hold what the user's files hold, perhaps secrets, so only their owner can read them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gecholog import atomic_file, regular_file
from gecholog.config import checksum

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from services.ginit.config import Definition

_INCLUDE = re.compile(rb"^\s*include\b", re.MULTILINE)


class Copies:
    """The contents in use, in memory by their checksums, and the copies on disk."""

    def __init__(self, folder: Path) -> None:
        """`folder` gets `inforce/SERVICE/FILE` and `candidate/SERVICE/FILE`."""
        self._folder = folder
        self._contents: dict[str, dict[str, bytes]] = {}

    def keep(self, name: str, data: bytes) -> str:
        """Remember a content of a service's config file; returns its checksum."""
        sha256 = checksum(data)
        self._contents.setdefault(name, {})[sha256] = data
        return sha256

    def keep_only(self, name: str, sha256s: Collection[str | None]) -> None:
        """Unregister all other contents of a service's config file; all of them if `sha256s` is empty."""
        kept = {sha256: data for sha256, data in self._contents.get(name, {}).items() if sha256 in sha256s}
        self._contents[name] = kept

    def candidate(self, service: Definition, sha256: str) -> Path:
        """Write this content to a file for the validation to read; returns the file. Raises OSError."""
        return self._write("candidate", service, self._contents[service.name][sha256])

    def put_in_force(self, service: Definition, sha256: str) -> None:
        """Make this content the one that the service starts from. Raises OSError."""
        data = self._contents.get(service.name, {}).get(sha256)
        if data is not None:
            self._write("inforce", service, data)

    def restore(self, service: Definition, sha256: str) -> None:
        """Write the copy that is in force again if it was removed. Raises OSError."""
        if self.read_in_force(service) is None:
            self.put_in_force(service, sha256)

    def in_force(self, service: Definition) -> Path:
        """The file that the service starts from."""
        copy = self._path("inforce", service)
        try:
            data = regular_file.read_bytes(copy)
        except OSError:
            return copy
        return service.configuration_file if _stays_in_place(service, data) else copy

    def names(self, service: Definition) -> dict[str, str]:
        """The paths of the copies, each with the path of the user's file."""
        return {str(self._path(kind, service)): str(service.configuration_file) for kind in ("inforce", "candidate")}

    def read_in_force(self, service: Definition) -> bytes | None:
        """The content that the service starts from, also one of an earlier ginit; None if nothing was put in force."""
        try:
            return regular_file.read_bytes(self._path("inforce", service))
        except OSError:
            return None

    def _path(self, kind: str, service: Definition) -> Path:
        return self._folder / kind / service.slug / service.configuration_file.name

    def _write(self, kind: str, service: Definition, data: bytes) -> Path:
        path = self._path(kind, service)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        atomic_file.write(path, data, 0o600)
        return service.configuration_file if _stays_in_place(service, data) else path


def _stays_in_place(service: Definition, data: bytes) -> bool:
    """Whether a copy elsewhere would mean something else: nats-server looks for included files beside its own."""
    return service.is_nats_server and _INCLUDE.search(data) is not None
