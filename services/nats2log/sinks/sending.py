"""Ways to send many records: a few calls at a time, or together in parts of which a refused one is divided.

After an outage the rest is not tried: it fails for the same reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from services.nats2log.entry import Entry
from services.nats2log.sinks.sink import Failure, Fault, Kind, all_of

SendOne = Callable[[Entry], Awaitable[Fault | None]]
SendMany = Callable[[Sequence[Entry]], Awaitable[list[Failure]]]
SendTogether = Callable[[Sequence[Entry]], Awaitable[Fault | None]]


async def one_by_one(entries: Sequence[Entry], at_once: int, send: SendOne) -> list[Failure]:
    """One call for each entry, `at_once` of them at the same time."""

    async def send_part(part: Sequence[Entry]) -> list[Failure]:
        faults = await asyncio.gather(*(send(entry) for entry in part))
        return [Failure(entry, fault) for entry, fault in zip(part, faults, strict=True) if fault is not None]

    parts = [entries[start : start + at_once] for start in range(0, len(entries), at_once)]
    return await in_turn(parts, send_part)


async def in_chunks(entries: Sequence[Entry], most: int, send: SendTogether) -> list[Failure]:
    """Together in parts of at most `most` bytes. A part that is refused is divided until the bad record is alone."""
    return await in_turn(chunks(entries, most), lambda part: _divided(part, send))


async def in_turn(parts: Sequence[Sequence[Entry]], send: SendMany) -> list[Failure]:
    """One part after the other, until an outage."""
    failures: list[Failure] = []
    for index, part in enumerate(parts):
        found = await send(part)
        failures += found
        down = next((failure.fault for failure in found if failure.fault.kind is Kind.OUTAGE), None)
        if down is not None:
            return failures + [failure for rest in parts[index + 1 :] for failure in all_of(rest, down)]
    return failures


async def _divided(entries: Sequence[Entry], send: SendTogether) -> list[Failure]:
    fault = await send(entries)
    if fault is None:
        return []
    if fault.kind is Kind.OUTAGE or len(entries) == 1:
        return all_of(entries, fault)
    middle = len(entries) // 2
    return await in_turn([entries[:middle], entries[middle:]], lambda part: _divided(part, send))


def chunks(entries: Sequence[Entry], most: int) -> list[Sequence[Entry]]:
    """`entries` in parts of at most `most` bytes; an entry that is larger is a part of its own."""
    parts: list[list[Entry]] = []
    room = 0
    for entry in entries:
        size = len(entry.data)
        if not parts or size > room:
            parts.append([])
            room = most
        parts[-1].append(entry)
        room -= size
    return list(parts)
