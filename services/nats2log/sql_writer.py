"""The section `sql_writer` of a sink's config: where the ledger is, and how long it keeps what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gecholog.ledger.errors import LedgerError
from gecholog.ledger.location import Location, locate

if TYPE_CHECKING:
    from gecholog.schema import Violation


@dataclass(frozen=True, slots=True)
class SqlWriter:
    """The section `sql_writer`. The numbers of days are 0 for what is kept for ever."""

    location: Location
    retention_days: int = 90
    rollup_retention_days: int = 730
    store_payloads: bool = False
    payload_max_bytes: int = 65_536
    payload_retention_days: int = 30

    @classmethod
    def of(cls, values: dict[str, Any]) -> SqlWriter:
        others = {name: value for name, value in values.items() if name != "url"}
        return cls(locate(values.get("url", "")), **others)

    @property
    def secrets(self) -> tuple[str, ...]:
        return self.location.secrets


def rules(values: dict[str, Any]) -> Iterator[Violation]:
    """Check the address of the ledger. The reason never quotes it: it has a password."""
    address = values.get("sql_writer", {}).get("url", "")
    if values.get("mode") != "sql_writer" or not isinstance(address, str):
        return
    try:
        locate(address)
    except LedgerError as error:
        yield ("sql_writer", "url"), str(error)
