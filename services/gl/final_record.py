"""The record of a call: both halves filtered, the timers, fitted to the bus, published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gecholog import rawjson, record
from gecholog.logs import Log
from gecholog.rawjson import Raw
from gecholog.timer import now, span
from services.gl.payload import cut_to

if TYPE_CHECKING:
    from gecholog.record import Fields
    from gecholog.timer import Moment
    from services.gl.call import Call, Half
    from services.gl.config import Filter
    from services.gl.doors import Doors

log = Log("record")

_PAYLOADS = ("ingress_payload", "outbound_payload", "inbound_payload", "egress_payload")
_SMALLEST_CUT = 4096  # bytes; a field below this is not worth cutting


async def publish(call: Call, doors: Doors) -> None:
    """Publish the final record under an id of its own."""
    doors.status.saw(call)
    await doors.records.settle(call.record_id, made(call, doors))


def accept(call: Call, doors: Doors) -> None:
    """Keep the record as it stands: what the caller is given in full must be in the log, whatever happens to us."""
    if not call.is_recorded:
        return
    try:
        doors.records.accept(call.record_id, made(call, doors))
    except Exception as error:  # noqa: BLE001 - a border: a record that cannot be kept must not cost the reply
        log.fault("record not kept", error)


def made(call: Call, doors: Doors) -> bytes:
    """The record as it stands, fitted to the bus. A stage that was not reached took no time."""
    replied = call.replied or now()
    whole = {
        "session_id": call.ids.session_id,
        "transaction_id": call.ids.transaction_id,
        "request": _request(call, replied),
        "response": _response(call, replied),
        "ingress_egress_timer": span(call.started, replied),
        "egress_post_timer": span(replied, now()),
    }
    return fitted(whole, doors.records.largest)


def _request(call: Call, replied: Moment) -> Any:
    """The request half. Unless asynchronous processors may add to it, it is written once and used twice."""
    if call.request_written is not None:
        return call.request_written
    late: Fields = {"url": call.url, "ingress_outbound_timer": span(call.started, call.sent or replied)}
    if call.outbound_shown is not None:
        late["outbound_headers"] = call.outbound_shown
    if call.attempts:
        late["attempts"] = call.attempts
    fields = half(call.request, late, call.config.log_request, call.config.log_max_payload)
    if call.config.request.async_rows:
        return fields
    call.request_written = Raw(rawjson.dumps(fields))
    return call.request_written


def _response(call: Call, replied: Moment) -> Fields:
    sent = call.sent or replied
    received = call.received or replied
    late = {"outbound_inbound_timer": span(sent, received), "inbound_egress_timer": span(received, replied)}
    return half(call.response, late, call.config.log_response, call.config.log_max_payload)


def half(side: Half, late: Fields, chosen: Filter, limit: int) -> Fields:
    """One half of the record with the fields that are to be logged; payloads have at most `limit` bytes.

    `late` is what processors do not see.
    """
    fields = {**side.fields, **late}
    if side.runs:
        fields["processors"] = side.runs
    if side.async_runs:
        fields["processors_async"] = side.async_runs
    if side.errors:
        fields["error"] = side.errors
    if chosen.include or chosen.exclude:
        fields = record.select(fields, chosen.include, chosen.exclude)
    for name in _PAYLOADS:
        if name in fields:
            fields[name] = cut_to(fields[name], limit)
    return fields


def fitted(whole: Fields, limit: int) -> bytes:
    """JSON of a record with at most `limit` bytes: while it is too large, its largest field becomes a summary.

    What was cut is noted in the record's own `error`.
    """
    data = rawjson.dumps(whole)
    errors: list[dict[str, Any]] = []
    if len(data) > limit and isinstance(whole["request"], Raw):
        whole["request"] = dict(rawjson.split(whole["request"]))
    while len(data) > limit:
        side, name, size = _largest(whole)
        if size < _SMALLEST_CUT:
            break
        whole[side][name] = cut_to(whole[side][name], _SMALLEST_CUT // 2)
        errors.append({"name": f"{side}.{name}", "details": f"{size} bytes, cut to fit the bus's {limit}"})
        whole["error"] = errors
        data = rawjson.dumps(whole)
    return data


def _largest(whole: Fields) -> tuple[str, str, int]:
    sizes = [
        (len(rawjson.dumps(value)), side, name)
        for side in ("request", "response")
        for name, value in whole[side].items()
    ]
    size, side, name = max(sizes)
    return side, name, size
