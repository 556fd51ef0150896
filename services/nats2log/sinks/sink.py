"""The protocol of a sink, and the faults that it returns.

To add a sink, add a file with `make(writer, tls) -> Sink`, a line in `_MODULES`, and a section of the config.
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
    from services.nats2log.entry import RecordEntry

# By mode. Modules are imported on demand, because the clients of Elasticsearch, Azure and SQL cost time and memory.
_MODULES = {
    "off": "services.nats2log.sinks.off",
    "file_writer": "services.nats2log.sinks.file",
    "rest_api_writer": "services.nats2log.sinks.rest",
    "elastic_writer": "services.nats2log.sinks.elastic",
    "azure_log_analytics_writer": "services.nats2log.sinks.azure_collector",
    "azure_logs_ingestion_writer": "services.nats2log.sinks.azure_ingestion",
    "otlp_writer": "services.nats2log.sinks.otlp",
    "sql_writer": "services.nats2log.sinks.sql",
}


class FaultKind(Enum):
    """Why a record was not written."""

    OUTAGE = "outage"  # the destination accepts nothing at the moment
    BUSY = "busy"  # the destination does not accept this record now, but may accept others
    REJECTED = "rejected"  # the destination rejects this record


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong.

    `reason` is logged, so it never quotes a record. `details` is for the dead-letter file. `retry_after` is the pause
    in seconds that the destination asked for.
    """

    kind: FaultKind
    reason: str
    details: str = ""
    retry_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Failure:
    """A record that was not written."""

    entry: RecordEntry
    fault: Fault


class Sink(Protocol):
    """Writes records to a destination. All methods run in one event loop, and calls of `write` never overlap."""

    async def open(self) -> None:
        """Prepare for writing.

        Raises OSError or GechologError for permanent problems, but not if the destination is down.
        """

    async def write(self, entries: Sequence[RecordEntry]) -> list[Failure]:
        """Write records. Returns those that were not written; all others have been written by then."""

    async def close(self) -> None:
        """Release all resources."""


SinkFactory = Callable[["Writer", "OutboundTls"], Sink]


def make(config: Config) -> Sink:
    """Create the sink of a config. It is not open yet."""
    sink: Sink = import_module(_MODULES[config.mode]).make(config.writer, config.tls)
    return sink


def fail_all(entries: Sequence[RecordEntry], fault: Fault) -> list[Failure]:
    """Return a failure with the same fault for every record."""
    return [Failure(entry, fault) for entry in entries]


def as_outage(failure: Failure) -> Failure:
    """Turn a failure because of a busy destination into an outage. Others are returned unchanged."""
    if failure.fault.kind is not FaultKind.BUSY:
        return failure
    return replace(failure, fault=replace(failure.fault, kind=FaultKind.OUTAGE))
