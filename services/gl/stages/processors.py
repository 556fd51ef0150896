"""Processors: programs on the bus that read fields of the call and may write some.

Rows run one after another. The processors of a row run concurrently; each sees the fields as they were before the row.
"""

from __future__ import annotations

import asyncio
from time import monotonic_ns
from typing import TYPE_CHECKING, Any, NamedTuple

from gecholog import rawjson, record
from gecholog.errors import BusError, MessageTooLarge, NotJson
from gecholog.timer import span
from services.gl.call_candidates import chosen_router
from services.gl.errors import ErrorDetail, Refusal
from services.gl.processor_chain import row_for_routers
from services.gl.record.payload import Truncated

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from gecholog.bus import Bus
    from gecholog.record import Fields
    from gecholog.timer import MonotonicNs
    from services.gl.call import Call
    from services.gl.dependencies import Dependencies
    from services.gl.processor_chain import Processor, ProcessorRow, ProcessorRows
    from services.gl.record.section import RecordSection


_INTERNAL = "internal server error"
_RETRY_AFTER = 1  # seconds
_PAYLOADS = frozenset({"inbound_payload", "egress_payload"})
_NOTHING = b"null"  # how Go serializes an empty map


class Run(NamedTuple):
    """The outcome of one processor. `fault` says why it did not complete, None if there is nothing to say."""

    processor: Processor
    completed: bool
    result: Mapping[str, Any]
    fault: str | None
    start: MonotonicNs
    stop: MonotonicNs
    too_large: bool = False  # the request is too large for it: a retry cannot help

    @property
    def details(self) -> dict[str, Any]:
        """The run as the record lists it."""
        processor, completed = self.processor, self.completed
        timer = span(self.start, self.stop)
        shown = {"required": processor.required, "completed": completed, "timestamp": timer}
        return {"name": processor.name, "details": shown}


async def before_call(call: Call, deps: Dependencies) -> None:
    """Run the synchronous request processors. If a required one does not complete, the call ends with 500."""
    chain = call.config.request
    for whole in chain.sync_rows:
        # an earlier row may have chosen another router
        row = row_for_routers(whole, call.router.path, chosen_router(call).path) if chain.by_router else whole
        if not row:
            continue
        for run in await run_row(row, call.request_section, call.request_section.runs, deps):
            if run.processor.required and not run.completed:
                raise _unprocessed(run)


def _unprocessed(run: Run) -> Refusal:
    """The refusal of a call because a required processor did not complete."""
    name, fault = run.processor.name, run.fault
    if run.too_large:
        message = f"request too large for the required processor {name}: {fault}"
        return Refusal(500, _INTERNAL, detail=ErrorDetail(413, message, "request_too_large"))
    detail = ErrorDetail(503, f"required processor {name} failed: {fault}", "processor_unavailable", _RETRY_AFTER)
    return Refusal(500, _INTERNAL, detail=detail)


def before_reply(call: Call, deps: Dependencies) -> Awaitable[None] | None:
    """Run the synchronous response processors. The reply is sent whatever they do."""
    if call.inbound_body is None:  # not buffered: the body is passed through
        return None
    return _run_rows(call.response_rows, call, deps)


async def _run_rows(found: ProcessorRows, call: Call, deps: Dependencies) -> None:
    for row in found:
        await run_row(row, call.response_section, call.response_section.runs, deps)


async def after_reply(call: Call, deps: Dependencies) -> None:
    """Run the asynchronous processors: those of the request, then those of the response."""
    if call.attempt is None:  # refused before it went anywhere
        return
    config, paths = call.config, call.router_paths
    for row in config.request.async_rows_for_routers(*paths):
        await run_row(row, call.request_section, call.request_section.async_runs, deps, lazily=True)
    for row in config.response.async_rows_for_routers(*paths):
        await run_row(row, call.response_section, call.response_section.async_runs, deps, lazily=True)


async def run_row(
    row: ProcessorRow, section: RecordSection, listed: list[dict[str, Any]], deps: Dependencies, *, lazily: bool = False
) -> list[Run]:
    """Run one row on one section of the record. Writes fields, appends the runs to `listed`, and notes faults."""
    bus = deps.bus
    if len(row) == 1:
        runs = [await ask(row[0], section, bus, lazily=lazily)]
    else:
        runs = await asyncio.gather(*[ask(processor, section, bus, lazily=lazily) for processor in row])
    for run in runs:
        if run.result:
            section.write(written(run, section.fields))
        listed.append(run.details)
        deps.metrics.processor_ran(run.processor.name, run.stop - run.start, completed=run.completed)
        if run.fault:
            section.note(run.processor.name, run.fault)
    return runs


async def ask(processor: Processor, section: RecordSection, bus: Bus, *, lazily: bool = False) -> Run:
    """Send a processor the fields that it may see, and wait for its result."""
    start = monotonic_ns()
    seen = seen_by(processor, section)
    if not seen:
        fault = "not called: none of its input fields is present" if processor.required else None
        return Run(processor, False, {}, fault, start, monotonic_ns())  # noqa: FBT003 - in the order of its fields
    result: Mapping[str, Any] = {}
    fault, too_large = None, False
    if (cut := next((name for name, value in seen.items() if isinstance(value, Truncated)), None)) is not None:
        if "usage" not in seen:
            fault = f"not called: {cut} is larger than {seen[cut].limit} bytes"
            return Run(processor, False, {}, fault, start, monotonic_ns(), too_large=True)  # noqa: FBT003 - as above
        seen = _without_payloads(seen)
    try:
        try:
            data = await bus.request(processor.subject, rawjson.dumps(seen), processor.timeout, lazily=lazily)
        except MessageTooLarge:
            if "usage" not in seen or _PAYLOADS.isdisjoint(seen):
                raise
            message = rawjson.dumps(_without_payloads(seen))
            data = await bus.request(processor.subject, message, processor.timeout, lazily=lazily)
        result = rawjson.split(data) if data and data != _NOTHING else {}
    except (BusError, NotJson) as error:
        fault, too_large = str(error), isinstance(error, MessageTooLarge)
    if not result and processor.required:
        fault = fault or "returned nothing"
    return Run(processor, bool(result), result, fault, start, monotonic_ns(), too_large)


def _without_payloads(seen: Fields) -> Fields:
    """The fields without payloads: what a processor that includes `usage` gets if they are too large for the bus."""
    return {name: value for name, value in seen.items() if name not in _PAYLOADS}


def seen_by(processor: Processor, section: RecordSection) -> Fields:
    """The fields that a processor is given."""
    seen = record.select(section.fields, processor.include, processor.exclude)
    if section.opt_in_fields and processor.include and section.fields:  # an empty section stays empty
        seen |= record.select(section.opt_in_fields, processor.include, processor.exclude)
    return seen


def written(run: Run, fields: Fields) -> Fields:
    """The fields that a run writes: a modifier replaces what exists, an annotator adds what does not."""
    processor = run.processor
    if not processor.modifier:
        return record.added(fields, run.result, processor.write)
    changed = record.replaced(fields, run.result, processor.write)
    return changed | record.added(fields, run.result, processor.add) if processor.add else changed
