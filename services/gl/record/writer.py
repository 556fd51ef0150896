"""Serializes the record of a call. Pure: the times are arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from orjson import Fragment

from gecholog import rawjson
from gecholog.rawjson import Raw
from gecholog.timer import span, span_text
from services.gl.record.payload import cut_to
from services.gl.record.snapshot import PAYLOADS, REPLY_TIMER, RecordSnapshot

if TYPE_CHECKING:
    from gecholog.headers import Headers
    from gecholog.record import Fields
    from gecholog.session import Ids
    from gecholog.timer import MonotonicNs
    from services.gl.record.filter import FieldFilter
    from services.gl.record.section import RecordSection


class RecordedAttempt(Protocol):
    """What went to a target, without the secrets that were in it."""

    @property
    def url(self) -> str:
        """Where it went."""

    @property
    def shown_headers(self) -> Headers:
        """The headers that it had."""


class RecordedCall(Protocol):
    """What the record of a call is made of."""

    @property
    def ids(self) -> Ids:
        """Session and transaction."""

    @property
    def started(self) -> MonotonicNs:
        """When the call came in."""

    @property
    def sent(self) -> MonotonicNs:
        """When the request left for the target; 0 if it did not."""

    @property
    def received(self) -> MonotonicNs:
        """When the answer was there; 0 if it did not come."""

    @property
    def replied(self) -> MonotonicNs:
        """When the client had the reply; 0 before that."""

    @property
    def request_section(self) -> RecordSection:
        """The record's `request`."""

    @property
    def response_section(self) -> RecordSection:
        """The record's `response`."""

    @property
    def attempt(self) -> RecordedAttempt | None:
        """What went to the target; None if nothing did."""

    @property
    def outcomes(self) -> list[Fields] | None:
        """What came of the attempts, if there could be several."""

    @property
    def token_count(self) -> dict[str, int] | None:
        """What the gateway itself writes as `token_count`; None if a processor has written it, or nobody should."""

    @property
    def usage_shown(self) -> Raw:
        """The token usage as JSON."""


@dataclass(frozen=True, slots=True)
class RecordWriter:
    """Serializes records as the `logger` config wants them; payloads are cut to `max_payload` bytes.

    Every record is serialized twice: by `snapshot` before the last byte of the reply, for the journal, and by
    `complete` when the call is over. `complete` keeps the bytes of the snapshot and appends only what has come since.
    If anything that the snapshot shows is different now, it serializes the whole record anew.

    Invariant: `complete(call, snapshot)` and `complete(call, None)` are the same JSON, whatever happened to the
    sections since the snapshot, as long as values were replaced and lists appended to, not changed in place. Only the
    order of the fields of `response` may differ. Everything else that a record is made of is settled by the time of
    the snapshot, except `replied`; a stage that was not reached by then took no time.
    """

    request: FieldFilter
    response: FieldFilter
    max_payload: int

    def snapshot(self, call: RecordedCall, now: MonotonicNs) -> RecordSnapshot:
        """Serialize the record as it stands."""
        ended = call.replied or now
        request, response = _request_fields(call, ended), _response_fields(call, ended)
        names = response.keys()
        shown = self._shown(response, call.response_section, self.response)
        comma, usage = "," if shown else "", call.usage_shown
        call_timer, post_timer = span_text(call.started, ended), span_text(ended, now)
        if reply_timer := self._reply_timer(call, ended):
            shown[REPLY_TIMER] = Fragment(reply_timer)
        record = {
            "session_id": call.ids.session_id,
            "transaction_id": call.ids.transaction_id,
            "request": self._shown(request, call.request_section, self.request),
            "response": shown,
            "usage": rawjson.fragment(usage),
            "ingress_egress_timer": Fragment(call_timer),
            "egress_post_timer": Fragment(post_timer),
        }
        data = rawjson.dumps(record)
        end_size = _FRAME + len(_last(reply_timer, comma)) + len(usage) + len(call_timer) + len(post_timer)
        return RecordSnapshot(data, len(data) - end_size, names, call.request_section, call.response_section)

    def complete(self, call: RecordedCall, snapshot: RecordSnapshot | None, now: MonotonicNs) -> bytes:
        """Serialize the record of a call that is over. `snapshot` is None if none was made."""
        changes = None if snapshot is None else snapshot.changes(call.request_section, call.response_section)
        if snapshot is None or changes is None:
            return self.snapshot(call, now).data
        ended, comma, more = call.replied or now, "" if snapshot.is_empty else ",", b""
        if changes and (shown := self.response.select(changes)):
            comma, more = ",", comma.encode() + rawjson.dumps(shown)[1:-1]
        last = _last(self._reply_timer(call, ended), comma)
        end = _end(last, call.usage_shown.decode(), span_text(call.started, ended), span_text(ended, now))
        return b"".join((memoryview(snapshot.data)[: snapshot.end], more, end.encode()))

    def _shown(self, fields: Fields, section: RecordSection, chosen: FieldFilter) -> Fields:
        """The fields that the record shows; what was cut is noted in its `error`. Changes `fields`."""
        fields, limit = chosen.select(fields), self.max_payload
        cut = []
        for name in PAYLOADS:
            if (value := fields.get(name)) is None:
                continue
            if type(value) is Raw and len(value) <= limit:
                fields[name] = rawjson.fragment(value)
            elif (shorter := cut_to(value, limit)) is not value:
                fields[name] = shorter
                cut.append({"name": name, "details": f"larger than {limit} bytes, recorded by size, hash and head"})
        if cut and chosen.shows("error"):
            fields["error"] = [*section.errors, *cut]
        return fields

    def _reply_timer(self, call: RecordedCall, ended: MonotonicNs) -> str:
        """The timer at the end of `response`, as JSON; empty if the record does not show it."""
        return span_text(call.received or ended, ended) if self.response.shows(REPLY_TIMER) else ""


def _last(reply_timer: str, comma: str) -> str:
    """The last member of `response` with the comma before it, empty if there is none."""
    return f'{comma}"{REPLY_TIMER}":{reply_timer}' if reply_timer else ""


def _end(last: str, usage: str, call_timer: str, post_timer: str) -> str:
    """The end of a record, from the last member of `response`. The arguments are JSON in ASCII."""
    return f'{last}}},"usage":{usage},"ingress_egress_timer":{call_timer},"egress_post_timer":{post_timer}}}'


_FRAME = len(_end("", "", "", ""))


def _request_fields(call: RecordedCall, ended: MonotonicNs) -> Fields:
    """All fields of `request` that there are."""
    section = call.request_section
    attempt = call.attempt
    fields = {**section.fields, "url": attempt.url if attempt else ""}
    if not call.sent:
        fields["ingress_outbound_timer"] = span(call.started, ended)
    if attempt is not None:
        fields["outbound_headers"] = attempt.shown_headers
    if call.outcomes:
        fields["attempts"] = call.outcomes
    return _with_lists(fields, section)


def _response_fields(call: RecordedCall, ended: MonotonicNs) -> Fields:
    """All fields of `response` that there are, but for the timer at its end."""
    section = call.response_section
    fields = {**section.fields, "outbound_inbound_timer": span(call.sent or ended, call.received or ended)}
    if (token_count := call.token_count) is not None:
        fields["token_count"] = token_count
    fields.pop(REPLY_TIMER, None)  # a processor's
    return _with_lists(fields, section)


def _with_lists(fields: Fields, section: RecordSection) -> Fields:
    """The fields, and the lists of a section that are not empty."""
    if section.runs:
        fields["processors"] = section.runs
    if section.async_runs:
        fields["processors_async"] = section.async_runs
    if section.errors:
        fields["error"] = section.errors
    return fields
