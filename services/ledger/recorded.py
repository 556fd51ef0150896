"""The payloads of a call that the ledger does not store: from its record, as long as the record log has it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from gecholog import gateway_bus
from gecholog.errors import BusError, ConfigError
from gecholog.ledger.answers import CallDetail
from gecholog.ledger.stored_payloads import payloads_in
from gecholog.record_fetch import record_at


@dataclass(frozen=True, slots=True)
class Shown:
    """A call with the payloads that were found.

    `source` is "ledger" or "record log", or empty; then `note` says why there are none.
    """

    detail: CallDetail
    source: str = ""
    note: str = ""


async def with_payloads(detail: CallDetail, file: Path, home: Path) -> Shown:
    """Add the payloads of a call to it. `file` is the config of nats2ledger, which names the bus."""
    if detail.request_payload is not None or detail.response_payload is not None:
        return Shown(detail, "ledger")
    call = detail.call
    if call.stream_sequence is None:
        return Shown(detail, note="this call was not read from a record log")
    try:
        bus = gateway_bus.of_config(file, home)
        record = await record_at(bus.address, bus.storage.stream, call.stream_sequence, call.id)
    except (BusError, ConfigError, OSError) as error:
        return Shown(detail, note=f"the record log cannot be asked: {error}")
    if record is None:
        return Shown(detail, note="the record log no longer has this call, and the ledger does not store payloads")
    request, response = payloads_in(record)
    if not request and not response:
        return Shown(detail, note="the record of this call has no payloads")
    return Shown(replace(detail, request_payload=request or None, response_payload=response or None), "record log")
