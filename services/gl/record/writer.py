"""Serializes the record of a call. Pure: the times are arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from orjson import Fragment

from gecholog import rawjson
from gecholog.rawjson import Raw
from gecholog.record import UNCHANGED, without_copies
from gecholog.timer import span, span_text
from services.gl.record.payload import truncate_to
from services.gl.record.snapshot import PAYLOADS, REPLY_TIMER, RecordSnapshot

if TYPE_CHECKING:
    from gecholog.headers import Headers
    from gecholog.record import Fields
    from gecholog.session import Ids
    from gecholog.timer import MonotonicNs
    from services.gl.record.filter import FieldFilter
    from services.gl.record.privacy import PayloadPrivacy
    from services.gl.record.section import RecordSection


class RecordedAttempt(Protocol):
    """An upstream request as the record shows it, with masked secrets."""

    @property
    def url(self) -> str:
        """Its URL."""

    @property
    def shown_headers(self) -> Headers:
        """Its headers, with masked secrets."""


class RecordedCall(Protocol):
    """The parts of a call that the record contains."""

    @property
    def ids(self) -> Ids:
        """The session id and the transaction id."""

    @property
    def started(self) -> MonotonicNs:
        """When the request arrived."""

    @property
    def sent(self) -> MonotonicNs:
        """When the request was sent to the upstream; 0 if it was not."""

    @property
    def received(self) -> MonotonicNs:
        """When the response was received; 0 if it was not."""

    @property
    def replied(self) -> MonotonicNs:
        """When the reply was sent; 0 before that."""

    @property
    def request_section(self) -> RecordSection:
        """The section `request` of the record."""

    @property
    def response_section(self) -> RecordSection:
        """The section `response` of the record."""

    @property
    def attempt(self) -> RecordedAttempt | None:
        """The last attempt; None if there was none."""

    @property
    def outcomes(self) -> list[Fields] | None:
        """The outcomes of the attempts, if there could be several."""

    @property
    def token_count(self) -> dict[str, int] | None:
        """The `token_count` that gl writes; None if a processor has written it, or the config turns it off."""

    @property
    def client_shown(self) -> Fields | None:
        """The owner of the client key; None if the call has no client key."""

    @property
    def usage_shown(self) -> Raw:
        """The token usage as JSON."""

    @property
    def cost_shown(self) -> Raw | None:
        """The cost of the usage as JSON; None if it is not known."""

    @property
    def privacy(self) -> PayloadPrivacy | None:
        """What the record shows of payloads; None: all."""


@dataclass(frozen=True, slots=True)
class RecordWriter:
    """Serializes records as the config section `logger` defines. Truncates payloads to `max_payload` bytes.

    Without `repeats_payloads`, a payload that is byte-identical to its twin is listed in `unchanged`, and not stored
    again (`gecholog.record`).

    `snapshot` serializes a record before the last byte of the reply. If asynchronous processors run after that,
    `complete` makes the final record of it: it reuses the bytes of the snapshot and appends only what was added since.
    If anything else has changed, it serializes the whole record again.

    Invariant: `complete(call, snapshot)` and `complete(call, None)` return the same JSON, whatever happened to the
    sections since the snapshot, provided that values were replaced and lists appended to, never changed in place. Only
    the order of the fields of `response` may differ. Everything else in a record is final at the time of the snapshot,
    except `replied`; a stage that has not run by then took no time.
    """

    request: FieldFilter
    response: FieldFilter
    max_payload: int
    repeats_payloads: bool = True

    def snapshot(self, call: RecordedCall, now: MonotonicNs) -> RecordSnapshot:
        """Serialize the record as it is now."""
        ended = call.replied or now
        request, response = _request_fields(call, ended), _response_fields(call, ended)
        names = response.keys()
        shown = self._shown(response, call.response_section, self.response, call.privacy)
        comma, usage = "," if shown else "", call.usage_shown
        call_timer, post_timer = span_text(call.started, ended), span_text(ended, now)
        if reply_timer := self._reply_timer(call, ended):
            shown[REPLY_TIMER] = Fragment(reply_timer)
        record: Fields = {"session_id": call.ids.session_id, "transaction_id": call.ids.transaction_id}
        if (client := call.client_shown) is not None:
            record["client"] = client
        record["request"] = self._shown(request, call.request_section, self.request, call.privacy)
        record["response"] = shown
        record["usage"] = rawjson.fragment(usage)
        if call.cost_shown is not None:
            record["cost"] = rawjson.fragment(call.cost_shown)
        record["ingress_egress_timer"] = Fragment(call_timer)
        record["egress_post_timer"] = Fragment(post_timer)
        data = rawjson.dumps(record)
        end_size = len(_end(_last(reply_timer, comma), _counted(call), call_timer, post_timer))
        return RecordSnapshot(data, len(data) - end_size, names, call.request_section, call.response_section)

    def complete(self, call: RecordedCall, snapshot: RecordSnapshot | None, now: MonotonicNs) -> bytes:
        """Serialize the record of a finished call. `snapshot` is None if there is none."""
        changes = None if snapshot is None else snapshot.changes(call.request_section, call.response_section)
        if snapshot is None or changes is None:
            return self.snapshot(call, now).data
        ended, comma, more = call.replied or now, "" if snapshot.is_empty else ",", b""
        if changes and (shown := self.response.select(changes)):
            comma, more = ",", comma.encode() + rawjson.dumps(shown)[1:-1]
        last = _last(self._reply_timer(call, ended), comma)
        end = _end(last, _counted(call), span_text(call.started, ended), span_text(ended, now))
        return b"".join((memoryview(snapshot.data)[: snapshot.end], more, end.encode()))

    def _shown(
        self, fields: Fields, section: RecordSection, chosen: FieldFilter, privacy: PayloadPrivacy | None
    ) -> Fields:
        """The fields that the record shows. Notes truncated payloads in `error`. Changes `fields`."""
        fields, limit = chosen.select(fields), self.max_payload
        if not (self.repeats_payloads or UNCHANGED in section.fields or UNCHANGED in chosen.exclude):
            fields = without_copies(fields)
        cut = []
        for name in PAYLOADS:
            if name not in fields or (value := fields[name]) is None:
                continue
            if privacy is None and type(value) is Raw and len(value) <= limit:
                fields[name] = rawjson.fragment(value)
                continue
            shorter = truncate_to(value, limit)
            if shorter is not value:
                cut.append({"name": name, "details": f"larger than {limit} bytes, recorded by size, hash and head"})
            # masks may make it longer
            fields[name] = shorter if privacy is None else truncate_to(privacy.shown(shorter), limit)
        if cut and chosen.shows("error"):
            fields["error"] = [*section.errors, *cut]
        if privacy is not None and privacy.patterns and "error" in fields:  # it may quote a payload
            fields["error"] = [error | {"details": privacy.shown_text(error["details"])} for error in fields["error"]]
        return fields

    def _reply_timer(self, call: RecordedCall, ended: MonotonicNs) -> str:
        """The timer at the end of `response`, as JSON; empty if the record does not show it."""
        return span_text(call.received or ended, ended) if self.response.shows(REPLY_TIMER) else ""


def _last(reply_timer: str, comma: str) -> str:
    """The last member of `response` with the comma before it, empty if there is none."""
    return f'{comma}"{REPLY_TIMER}":{reply_timer}' if reply_timer else ""


def _counted(call: RecordedCall) -> str:
    """The usage, and the member `cost` after it if that is known. JSON in ASCII."""
    usage = call.usage_shown.decode()
    return usage if call.cost_shown is None else f'{usage},"cost":{call.cost_shown.decode()}'


def _end(last: str, counted: str, call_timer: str, post_timer: str) -> str:
    """The end of a record, from the last member of `response`. The arguments are JSON in ASCII."""
    return f'{last}}},"usage":{counted},"ingress_egress_timer":{call_timer},"egress_post_timer":{post_timer}}}'


def _request_fields(call: RecordedCall, ended: MonotonicNs) -> Fields:
    """All fields of `request`."""
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
    """All fields of `response`, except the timer at its end."""
    section = call.response_section
    fields = {**section.fields, "outbound_inbound_timer": span(call.sent or ended, call.received or ended)}
    if (token_count := call.token_count) is not None:
        fields["token_count"] = token_count
    fields.pop(REPLY_TIMER, None)  # a processor's
    return _with_lists(fields, section)


def _with_lists(fields: Fields, section: RecordSection) -> Fields:
    """The fields with the non-empty lists of a section added."""
    if section.runs:
        fields["processors"] = section.runs
    if section.async_runs:
        fields["processors_async"] = section.async_runs
    if section.errors:
        fields["error"] = section.errors
    return fields
