"""The checksum file: the one sign of health. It names the config in force, and is gone while nothing is served.

`HOME/checksum/.ALIAS_config.sha256` holds the SHA-256 of the config file's bytes, in hex, without a line break.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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
            return self.path.read_text("ascii") or None
        except (OSError, UnicodeDecodeError):
            return None

    def remove(self) -> None:
        """Say that nothing is served."""
        self.path.unlink(missing_ok=True)
