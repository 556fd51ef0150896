"""Where the ledger is and how long it keeps what, as the config of nats2ledger says. For programs that only read it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gecholog import config
from gecholog.errors import ConfigError, Problem
from gecholog.ledger.errors import LedgerError
from gecholog.ledger.kept import Retention
from gecholog.ledger.location import VARIABLE, Location, locate

FILE = "nats2ledger_config.json"
"""The config of nats2ledger, in the folder `conf` of the home."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The ledger that a config names."""

    location: Location
    retention: Retention


def settings_of(file: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """The ledger of a config file of nats2ledger; without such a file, that of `LEDGER_URL`, or the default file.

    Raises ConfigError if the file is invalid, LedgerError if the address is.
    """
    if not file.exists():
        return Settings(_located(environ.get(VARIABLE, "")), Retention())
    section = _section(config.peek(config.read(file), str(file), environ))
    if section is None:
        raise ConfigError(str(file), [Problem("sql_writer", "is missing, or has values of wrong types")])
    return Settings(_located(section.get("url", "")), Retention.of(section))


def _section(values: Any) -> dict[str, Any] | None:
    section = values.get("sql_writer") if isinstance(values, dict) else None
    if not isinstance(section, dict) or not isinstance(section.get("url", ""), str):
        return None
    days = [section.get(f"{name}retention_days", 0) for name in ("", "rollup_", "payload_")]
    return section if all(isinstance(one, int) and one >= 0 for one in days) else None


def _located(url: str) -> Location:
    try:
        return locate(url)
    except LedgerError as error:
        raise LedgerError(f"the address of the ledger {error}") from error
