"""Processors: programs on the bus that see fields of the call and may write some.

Row after row; the processors of a row at the same time, each seeing the fields as they were before the row.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gecholog import rawjson, record
from gecholog.errors import BusError, NotJson
from gecholog.timer import now, span
from services.gl.call import Refusal

if TYPE_CHECKING:
    from gecholog.bus import Bus
    from gecholog.record import Fields
    from services.gl.call import Call, Half
    from services.gl.config import Processor, Row
    from services.gl.doors import Doors


@dataclass(frozen=True, slots=True)
class Run:
    """What came of asking one processor. `fault` says why it did not complete, None if there is nothing to say."""

    processor: Processor
    completed: bool
    answer: Fields
    fault: str | None
    timer: dict[str, Any]

    @property
    def details(self) -> dict[str, Any]:
        """The run as it is listed in the record."""
        shown = {"required": self.processor.required, "completed": self.completed, "timestamp": self.timer}
        return {"name": self.processor.name, "details": shown}


async def before_call(call: Call, doors: Doors) -> None:
    """The synchronous request processors. A required one that does not complete ends the call with 500."""
    for row in call.config.request.rows:
        runs = await run_row(row, call.request, call.request.runs, doors.bus)
        if any(run.processor.required and not run.completed for run in runs):
            raise Refusal(500, "internal server error")


async def before_reply(call: Call, doors: Doors) -> None:
    """The synchronous response processors. The answer goes out whatever they do."""
    if call.inbound_body is None:  # it passes through unbuffered: there is nothing to hold back
        return
    for row in call.config.response.rows:
        await run_row(row, call.response, call.response.runs, doors.bus)


async def after_reply(call: Call, doors: Doors) -> None:
    """The asynchronous processors, of the request and then of the response."""
    if call.target is None:  # refused before it went anywhere
        return
    for row in call.config.request.async_rows:
        await run_row(row, call.request, call.request.async_runs, doors.bus)
    for row in call.config.response.async_rows:
        await run_row(row, call.response, call.response.async_runs, doors.bus)


async def run_row(row: Row, half: Half, listed: list[dict[str, Any]], bus: Bus) -> list[Run]:
    """Run one row on one half of the record: fields are written, runs are listed, faults are noted."""
    if len(row) == 1:
        runs = [await ask(row[0], half.fields, bus)]
    else:
        runs = await asyncio.gather(*(ask(processor, half.fields, bus) for processor in row))
    for run in runs:
        half.fields |= written(run, half.fields)
        listed.append(run.details)
        if run.fault:
            half.note(run.processor.name, run.fault)
    return runs


async def ask(processor: Processor, fields: Fields, bus: Bus) -> Run:
    """Send a processor the fields that it may see, and wait for its answer."""
    start = now()
    seen = record.select(fields, processor.include, processor.exclude)
    if not seen:
        return Run(processor, completed=False, answer={}, fault=None, timer=span(start, now()))
    answer: Fields = {}
    fault = None
    try:
        data = await bus.request(processor.subject, rawjson.dumps(seen), processor.timeout)
        answer = dict(rawjson.split(data)) if data else {}
    except (BusError, NotJson) as error:
        fault = str(error)
    if not answer and processor.required:
        fault = fault or "answered nothing"
    return Run(processor, completed=bool(answer), answer=answer, fault=fault, timer=span(start, now()))


def written(run: Run, fields: Fields) -> Fields:
    """The fields that a run writes: a modifier replaces what exists, an annotator adds what does not."""
    choose = record.replaced if run.processor.modifier else record.added
    return choose(fields, run.answer, run.processor.write)
