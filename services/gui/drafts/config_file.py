"""A config file that the interface edits, with its drafts and archived versions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from gecholog.validation import Validator

ARCHIVE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """One file. `name` is in addresses and in the names of drafts, `service` is the name in ginit_config.json.

    `production` is the file that the service reads, `template` the one to begin with. `checksum` is the file in which
    the service says which content is in force; None if it says so nowhere. `names_programs`: the file decides which
    programs run or who may sign in, so that only an admin may edit it.
    """

    name: str
    title: str
    service: str
    production: Path
    working_folder: Path
    archive_folder: Path
    validator: Validator
    template: Path | None = None
    checksum: Path | None = None
    names_programs: bool = False
    about: str = ""

    @property
    def prefix(self) -> str:
        """The beginning of the names of drafts and archived files."""
        return f"{self.name}_config_"

    @property
    def working(self) -> Path:
        """The draft."""
        return self.working_folder / f"{self.prefix}tmp.json"

    @property
    def origin(self) -> Path:
        """Notes about the draft: what it began with, who changed it last, and when."""
        return self.working_folder / f".{self.prefix}tmp.origin.json"

    def archived(self, name: str) -> Path:
        """The file of an archived version. Raises ValueError if the name is not allowed."""
        if not ARCHIVE_NAME.fullmatch(name):
            raise ValueError("the name must have 1 to 64 letters, digits, _ or -")
        return self.archive_folder / f"{self.prefix}{name}.json"
