"""The record of a call: both sections filtered, the timers, fitted to the bus, published.

It is made twice, before the last byte of the reply and when all is over. What was written the first time is kept, and
the second time only what has come since is put behind it.
"""

from __future__ import annotations

from time import monotonic_ns
from typing import TYPE_CHECKING

from gecholog import llm, rawjson, record
from gecholog.logs import Log
from gecholog.rawjson import Raw
from gecholog.timer import span, span_text
from services.gl.record.fitting import fitted
from services.gl.record.payload import cut_to
from services.gl.record.snapshot import RecordSnapshot

if TYPE_CHECKING:
    from gecholog.record import Fields
    from gecholog.timer import MonotonicNs
    from services.gl.call import Call
    from services.gl.doors import Doors
    from services.gl.record.filter import FieldFilter
    from services.gl.record.section import RecordSection

log = Log("record")

_PAYLOADS = frozenset({"ingress_payload", "outbound_payload", "inbound_payload", "egress_payload"})
_LAST = "inbound_egress_timer"
_NONE = rawjson.dumps(llm.NONE.fields())


def publish(call: Call, doors: Doors) -> None:
    """Publish the final record, under the id by which it was accepted."""
    doors.status.saw(call)
    doors.records.publish(call.record_id, serialize(call, doors))


def accept(call: Call, doors: Doors) -> None:
    """Keep the record as it stands: what the caller is given in full must be in the log, whatever happens to us."""
    if not call.is_recorded:
        return
    try:
        doors.records.accept(call.record_id, serialize(call, doors))
    except Exception as error:  # noqa: BLE001 - a border: a record that cannot be kept must not cost the reply
        log.fault("record not kept", error)


def serialize(call: Call, doors: Doors) -> bytes:
    """The record as it stands, fitted to the bus. A stage that was not reached took no time."""
    replied = call.replied or monotonic_ns()
    snapshot, more = call.snapshot, b""
    if snapshot is None or _is_outdated(snapshot, call):
        snapshot = call.snapshot = serialize_head(call, replied)
    elif late := changes_since(snapshot, call):
        more = rawjson.dumps(shown(late, call.config.log_response, call.config.log_max_payload))[1:-1]
    if call.config.log_response.shows(_LAST):
        last = f'"{_LAST}":{span_text(call.received or replied, replied)}'.encode()
        more = more + b"," + last if more else last
    times = (
        f'}},"usage":{usage_text(call)},"ingress_egress_timer":{span_text(call.started, replied)}'
        f',"egress_post_timer":{span_text(replied, monotonic_ns())}}}'
    )
    comma = b"," if more and not snapshot.data.endswith(b"{") else b""
    data, largest = b"".join((snapshot.data, comma, more, times.encode())), doors.records.largest
    return data if len(data) <= largest else fitted(data, largest, f"to fit the bus's {largest}")


def serialize_head(call: Call, replied: MonotonicNs) -> RecordSnapshot:
    """The record but for its end. The end of the response section is missing, too."""
    config, side, attempt = call.config, call.response_section, call.attempt
    late: Fields = {"url": attempt.url if attempt else ""}
    if not call.sent:
        late["ingress_outbound_timer"] = span(call.started, replied)
    if attempt is not None:
        late["outbound_headers"] = attempt.shown_headers
    if call.outcomes:
        late["attempts"] = call.outcomes
    request = section_fields(call.request_section, late)
    request_data = rawjson.dumps(shown(request, config.log_request, config.log_max_payload))
    late = {"outbound_inbound_timer": span(call.sent or replied, call.received or replied)}
    if call.usage is not None and config.usage.token_count and _counts(call):
        late["token_count"] = call.usage.counts()
    response = section_fields(side, late)
    response.pop(_LAST, None)  # a processor's; ours comes at the end
    response_data = rawjson.dumps(shown(response, config.log_response, config.log_max_payload))
    ids = f'{{"session_id":"{call.ids.session_id}","transaction_id":"{call.ids.transaction_id}","request":'
    data = b"".join((ids.encode(), request_data, b',"response":', memoryview(response_data)[:-1]))
    return RecordSnapshot(data, dict(side.fields), response.keys(), len(side.errors))


def usage_text(call: Call) -> str:
    """The token usage of a call, as JSON."""
    return (call.usage_shown or _NONE).decode()


def _counts(call: Call) -> bool:
    """Whether gl writes `token_count`: no processor of the call's routers does."""
    if "token_count" in call.response_section.fields:
        return False
    return not call.config.response.counts_tokens(*call.router_paths)


def _is_outdated(snapshot: RecordSnapshot, call: Call) -> bool:
    """Tell whether anything of what was written is different now. Of the request only processors could change it."""
    side = call.response_section
    return (
        len(side.errors) != snapshot.errors
        or bool(call.request_section.async_runs)
        or (bool(side.async_runs) and "processors_async" in snapshot.fields)
        or not snapshot.fields.items() <= side.fields.items()
        # a payload that came later may be cut, which is noted in `error`: that is written already
        or (len(side.fields) > len(snapshot.fields) and not _PAYLOADS.isdisjoint(side.fields.keys() - snapshot.names))
    )


def changes_since(snapshot: RecordSnapshot, call: Call) -> Fields:
    """What has come to the response section since it was written."""
    side = call.response_section
    more: Fields = {}
    if len(side.fields) > len(snapshot.fields):
        more = {name: side.fields[name] for name in side.fields.keys() - snapshot.names - {_LAST}}
    if side.async_runs and "processors_async" not in snapshot.names:
        more["processors_async"] = side.async_runs
    return more


def section_fields(side: RecordSection, late: Fields) -> Fields:
    """One section of the record: what processors see, `late` (what they do not see), who they were, what went wrong."""
    fields = {**side.fields, **late}
    if side.runs:
        fields["processors"] = side.runs
    if side.async_runs:
        fields["processors_async"] = side.async_runs
    if side.errors:
        fields["error"] = side.errors
    return fields


def shown(fields: Fields, chosen: FieldFilter, limit: int) -> Fields:
    """The fields that are to be logged; payloads have at most `limit` bytes, and what was cut is noted."""
    if chosen.include or chosen.exclude:
        fields = record.select(fields, chosen.include, chosen.exclude)
    cut = []
    for name in fields.keys() & _PAYLOADS:
        value = cut_to(fields[name], limit)
        if value is not fields[name]:
            cut.append({"name": name, "details": f"larger than {limit} bytes, recorded by size, hash and head"})
        fields[name] = rawjson.fragment(value) if isinstance(value, Raw) else value
    if cut and chosen.shows("error"):
        fields["error"] = [*fields.get("error", ()), *cut]
    return fields
