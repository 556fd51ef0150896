"""Ways to send many records: some requests at a time, or in batches, of which a rejected one is split.

After an outage, the rest is not sent and fails for the same reason. A destination that is too busy for one part may
accept the next one. If it rejects several in a row, the rest is not sent either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from services.nats2log.entry import RecordEntry
from services.nats2log.sinks.sink import Failure, Fault, FaultKind, as_outage, fail_all

_MAX_BUSY_IN_A_ROW = 3

SendOne = Callable[[RecordEntry], Awaitable[Fault | None]]
SendMany = Callable[[Sequence[RecordEntry]], Awaitable[list[Failure]]]
SendTogether = Callable[[Sequence[RecordEntry]], Awaitable[Fault | None]]


async def send_each(entries: Sequence[RecordEntry], concurrency: int, send: SendOne) -> list[Failure]:
    """Send each record in a request of its own, with `concurrency` in flight. 1 preserves the order of records."""

    async def send_part(part: Sequence[RecordEntry]) -> list[Failure]:
        faults = await asyncio.gather(*(send(entry) for entry in part))
        failed = [Failure(entry, fault) for entry, fault in zip(part, faults, strict=True) if fault is not None]
        return failed if concurrency > 1 else [as_outage(failure) for failure in failed]

    parts = [entries[start : start + concurrency] for start in range(0, len(entries), concurrency)]
    return await send_sequentially(parts, send_part)


async def send_batches(entries: Sequence[RecordEntry], max_bytes: int, send: SendTogether) -> list[Failure]:
    """Send batches of at most `max_bytes`. A rejected batch is split until the offending record is alone."""
    return await send_sequentially(chunks(entries, max_bytes), lambda part: _send_splitting(part, send))


async def send_sequentially(parts: Sequence[Sequence[RecordEntry]], send: SendMany) -> list[Failure]:
    """Send one part after the other, until an outage or until the destination was busy several times in a row."""
    failures: list[Failure] = []
    busy_in_a_row = 0
    for index, part in enumerate(parts):
        found = await send(part)
        failures += found
        outage = next((failure.fault for failure in found if failure.fault.kind is FaultKind.OUTAGE), None)
        is_busy = len(found) == len(part) > 0 and all(failure.fault.kind is FaultKind.BUSY for failure in found)
        busy_in_a_row = busy_in_a_row + 1 if is_busy else 0
        if outage is None and busy_in_a_row == _MAX_BUSY_IN_A_ROW:
            outage = found[0].fault
        if outage is not None:
            return failures + [failure for rest in parts[index + 1 :] for failure in fail_all(rest, outage)]
    return failures


async def _send_splitting(entries: Sequence[RecordEntry], send: SendTogether) -> list[Failure]:
    fault = await send(entries)
    if fault is None:
        return []
    if fault.kind is not FaultKind.REJECTED or len(entries) == 1:
        return fail_all(entries, fault)
    middle = len(entries) // 2
    return await send_sequentially([entries[:middle], entries[middle:]], lambda part: _send_splitting(part, send))


def chunks(entries: Sequence[RecordEntry], max_bytes: int) -> list[Sequence[RecordEntry]]:
    """Split records into parts of at most `max_bytes`. A larger record is a part of its own."""
    parts: list[list[RecordEntry]] = []
    remaining = 0
    for entry in entries:
        size = len(entry.data)
        if not parts or size > remaining:
            parts.append([])
            remaining = max_bytes
        parts[-1].append(entry)
        remaining -= size
    return list(parts)
