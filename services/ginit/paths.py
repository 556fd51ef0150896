"""The folders of an appliance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Paths:
    """`runtime` is for what needs a real file system: pipes, and supervisord's files and socket."""

    home: Path
    runtime: Path

    @property
    def run(self) -> Path:
        return self.home / "run"

    @property
    def output(self) -> Path:
        """The pipes of the services."""
        return self.runtime / "output"

    @property
    def services(self) -> Path:
        """What supervisord reads about the services."""
        return self.runtime / "services"

    @property
    def state_file(self) -> Path:
        return self.run / "state.json"
