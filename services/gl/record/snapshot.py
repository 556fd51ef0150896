"""The record as it was serialized before the reply was complete, and the changes since then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog.record import UNCHANGED

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from gecholog.record import Fields
    from services.gl.record.section import RecordSection

PAYLOADS = ("ingress_payload", "outbound_payload", "inbound_payload", "egress_payload")
REPLY_TIMER = "inbound_egress_timer"  # of `response`: written last, so that later fields fit in before it

# Fields that cannot be appended: a truncated payload is noted in `error`, too.
_REWRITTEN = frozenset({*PAYLOADS, "error", UNCHANGED})


class RecordSnapshot:
    """A serialized record, and the contents of its sections at that moment.

    `data` is the record. Later fields of `response` are inserted at the offset `end`. `names` are the names of all
    fields of `response`, whether the record shows them or not. `final` is the record as it was accepted if it is
    complete unless the call ends in another way than expected; else None.
    """

    __slots__ = ("_async_runs", "_lengths", "_names", "_request", "_response", "data", "end", "final")

    def __init__(
        self, data: bytes, end: int, names: AbstractSet[str], request: RecordSection, response: RecordSection
    ) -> None:
        self.data = data
        self.end = end
        self.final: bytes | None = None
        self._names = names
        self._request = request.fields.copy()
        self._response = response.fields.copy()
        self._lengths = _lengths(request, response)
        self._async_runs = len(response.async_runs)

    @property
    def is_empty(self) -> bool:
        """Whether `response` shows no field before `end`."""
        return self.data.endswith(b"{", 0, self.end)

    def is_current(self, request: RecordSection, response: RecordSection) -> bool:
        """Whether the sections are as they were."""
        return self.changes(request, response) == {}

    def changes(self, request: RecordSection, response: RecordSection) -> Fields | None:
        """The fields added to `response` since then; None if anything else has changed."""
        if _lengths(request, response) != self._lengths or request.fields != self._request:
            return None
        before, fields = self._response, response.fields
        if len(fields) == len(before):
            later = {}
            is_same = fields == before
        else:
            later = {name: value for name, value in fields.items() if name not in before}
            is_same = before.items() <= fields.items() and _REWRITTEN.isdisjoint(later)
        if not is_same or ("token_count" in later and "token_count" in self._names):
            return None
        if later:  # what the record has of its own is not replaced
            later = {name: value for name, value in later.items() if name not in self._names and name != REPLY_TIMER}
        if len(response.async_runs) != self._async_runs:
            if "processors_async" in self._names:
                return None
            later["processors_async"] = response.async_runs
        return later


def _lengths(request: RecordSection, response: RecordSection) -> tuple[int, ...]:
    """The lengths of all lists that should not grow after the snapshot."""
    return (
        len(request.errors),
        len(request.runs),
        len(request.async_runs),
        len(response.errors),
        len(response.runs),
    )
