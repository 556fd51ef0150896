"""Publication: the last stage of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog.logs import Log
from services.gl.record import recording

if TYPE_CHECKING:
    from services.gl.call import Call
    from services.gl.dependencies import Dependencies

log = Log("record")


def publish(call: Call, deps: Dependencies) -> None:
    """Publish the final record. If it cannot be serialized, publish the accepted version instead."""
    deps.status.observe(call)
    try:
        recording.publish(call, deps.records)
    except Exception as error:  # noqa: BLE001 - a border: what was accepted before is better than nothing
        log.fault("record not written", error, record_id=call.record_id.hex())
        deps.status.failed(f"{type(error).__name__} while writing a record")
        deps.records.abandon(call.record_id)
