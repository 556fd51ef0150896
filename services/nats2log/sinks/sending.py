"""Ways to send many records: a few calls at a time, or together in parts of which a refused one is divided.

After an outage the rest is not tried: it fails for the same reason. A target that is too busy for one part may take the
next; after some in a row that it turns away the rest is spared, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from services.nats2log.entry import Entry
from services.nats2log.sinks.sink import Failure, Fault, Kind, all_of, as_outage

_TURNED_AWAY = 3  # parts in a row

SendOne = Callable[[Entry], Awaitable[Fault | None]]
SendMany = Callable[[Sequence[Entry]], Awaitable[list[Failure]]]
SendTogether = Callable[[Sequence[Entry]], Awaitable[Fault | None]]


async def one_by_one(entries: Sequence[Entry], at_once: int, send: SendOne) -> list[Failure]:
    """One call for each entry, `at_once` of them at the same time; if it is one, entries never overtake each other."""

    async def send_part(part: Sequence[Entry]) -> list[Failure]:
        faults = await asyncio.gather(*(send(entry) for entry in part))
        failed = [Failure(entry, fault) for entry, fault in zip(part, faults, strict=True) if fault is not None]
        return failed if at_once > 1 else [as_outage(failure) for failure in failed]

    parts = [entries[start : start + at_once] for start in range(0, len(entries), at_once)]
    return await in_turn(parts, send_part)


async def in_chunks(entries: Sequence[Entry], max_bytes: int, send: SendTogether) -> list[Failure]:
    """Together in parts of at most `most` bytes. A part that is refused is divided until the bad record is alone."""
    return await in_turn(chunks(entries, max_bytes), lambda part: _divided(part, send))


async def in_turn(parts: Sequence[Sequence[Entry]], send: SendMany) -> list[Failure]:
    """One part after the other, until an outage, or until several in a row were turned away."""
    failures: list[Failure] = []
    turned_away = 0
    for index, part in enumerate(parts):
        found = await send(part)
        failures += found
        down = next((failure.fault for failure in found if failure.fault.kind is Kind.OUTAGE), None)
        is_busy = len(found) == len(part) > 0 and all(failure.fault.kind is Kind.BUSY for failure in found)
        turned_away = turned_away + 1 if is_busy else 0
        if down is None and turned_away == _TURNED_AWAY:
            down = found[0].fault
        if down is not None:
            return failures + [failure for rest in parts[index + 1 :] for failure in all_of(rest, down)]
    return failures


async def _divided(entries: Sequence[Entry], send: SendTogether) -> list[Failure]:
    fault = await send(entries)
    if fault is None:
        return []
    if fault.kind is not Kind.REFUSAL or len(entries) == 1:
        return all_of(entries, fault)
    middle = len(entries) // 2
    return await in_turn([entries[:middle], entries[middle:]], lambda part: _divided(part, send))


def chunks(entries: Sequence[Entry], max_bytes: int) -> list[Sequence[Entry]]:
    """`entries` in parts of at most `most` bytes; an entry that is larger is a part of its own."""
    parts: list[list[Entry]] = []
    remaining = 0
    for entry in entries:
        size = len(entry.data)
        if not parts or size > remaining:
            parts.append([])
            remaining = max_bytes
        parts[-1].append(entry)
        remaining -= size
    return list(parts)
