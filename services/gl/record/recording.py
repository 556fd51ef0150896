"""Accepts a record before the last byte of the reply, and publishes it when the call is over.

Without asynchronous processors, the record is final when it is accepted: it is serialized and stored once, and its
last timers end just before the last byte leaves. It is serialized again only if the client disconnects at that moment.
"""

from __future__ import annotations

from time import monotonic_ns
from typing import TYPE_CHECKING, Protocol

from gecholog.logs import Log
from services.gl.record.fitting import shrink
from services.gl.record.writer import RecordedCall

if TYPE_CHECKING:
    from services.gl.record.delivery.recorder import Recorder
    from services.gl.record.snapshot import RecordSnapshot
    from services.gl.record.writer import RecordWriter

log = Log("record")


class Recordable(RecordedCall, Protocol):
    """A call that can be recorded."""

    snapshot: RecordSnapshot | None  # set when it is accepted

    @property
    def record_id(self) -> bytes:
        """The id of the record."""

    @property
    def record_writer(self) -> RecordWriter:
        """The serializer of its record."""

    @property
    def is_recorded(self) -> bool:
        """Whether the call leaves a record."""

    @property
    def has_later_processors(self) -> bool:
        """Whether processors are asked after the reply."""


def accept(call: Recordable, recorder: Recorder) -> None:
    """Store the record as it is now, so that a call whose client has the whole reply is recorded even after a crash."""
    if not call.is_recorded:
        return
    try:
        snapshot = call.snapshot = call.record_writer.snapshot(call, monotonic_ns())
        data, is_final = _fitted(snapshot.data, recorder), not call.has_later_processors
        recorder.accept(call.record_id, data, is_final=is_final)
        if is_final:
            snapshot.final = data
    except Exception as error:  # noqa: BLE001 - a border: a record that cannot be kept must not cost the reply
        log.fault("cannot keep record before the reply", error)


def publish(call: Recordable, recorder: Recorder) -> None:
    """Publish the final record, with the id with which it was accepted."""
    snapshot = call.snapshot
    final = None if snapshot is None else snapshot.final
    if snapshot is not None and final and snapshot.is_current(call.request_section, call.response_section):
        recorder.publish(call.record_id, final, is_stored=True)
        return
    data = call.record_writer.complete(call, snapshot, monotonic_ns())
    recorder.publish(call.record_id, _fitted(data, recorder))


def _fitted(data: bytes, recorder: Recorder) -> bytes:
    largest = recorder.largest
    return data if len(data) <= largest else shrink(data, largest, f"to fit the bus's {largest}")
