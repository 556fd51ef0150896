"""What every sink is, and what it says when records could not be written.

A new sink is one file with `make(writer, tls) -> Sink`, a line in `_MODULES`, and a section of the config.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gecholog.tls import OutboundTls
    from services.nats2log.config import Config, Writer
    from services.nats2log.entry import Entry

# By mode. Imported when in use: the clients of Elasticsearch and Azure cost start-up time and memory.
_MODULES = {
    "off": "services.nats2log.sinks.off",
    "file_writer": "services.nats2log.sinks.file",
    "rest_api_writer": "services.nats2log.sinks.rest",
    "elastic_writer": "services.nats2log.sinks.elastic",
    "azure_log_analytics_writer": "services.nats2log.sinks.azure_collector",
    "azure_logs_ingestion_writer": "services.nats2log.sinks.azure_ingestion",
}


class Kind(Enum):
    """Why a record was not written."""

    OUTAGE = "outage"  # the target cannot take anything now
    BUSY = "busy"  # the target does not take this record now, and may take others
    REFUSAL = "refusal"  # the target does not take this record


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong. `reason` may be logged, so it never quotes a record; `details` is for the dead-letter file.

    `retry_after` is how many seconds the target asked to be left alone.
    """

    kind: Kind
    reason: str
    details: str = ""
    retry_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Failure:
    """A record that was not written."""

    entry: Entry
    fault: Fault


class Sink(Protocol):
    """A target of records. All methods run in the one event loop, and no two calls of `write` at the same time."""

    async def open(self) -> None:
        """Make ready. Raises OSError or GechologError for what time does not mend; a target that is away is no such."""

    async def write(self, entries: Sequence[Entry]) -> list[Failure]:
        """Write records; returns those that were not written. When this returns, all others are."""

    async def close(self) -> None:
        """Let go of everything."""


Make = Callable[["Writer", "OutboundTls"], Sink]


def make(config: Config) -> Sink:
    """The sink for a config, not opened yet."""
    sink: Sink = import_module(_MODULES[config.mode]).make(config.writer, config.tls)
    return sink


def all_of(entries: Sequence[Entry], fault: Fault) -> list[Failure]:
    """The same fault for every entry."""
    return [Failure(entry, fault) for entry in entries]


def as_outage(failure: Failure) -> Failure:
    """A failure because the target was too busy, as one that holds up all others; any other as it is."""
    if failure.fault.kind is not Kind.BUSY:
        return failure
    return replace(failure, fault=replace(failure.fault, kind=Kind.OUTAGE))
