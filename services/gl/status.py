"""The status of gl, for requests on the is-alive topic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gecholog import rawjson
from gecholog.timer import MonotonicNs, now, rfc3339, wall_of

if TYPE_CHECKING:
    from gecholog.bus import BusMessage
    from services.gl.call import Call


@dataclass(slots=True)
class Status:
    """The last call and the last error. The fields are empty until there is one."""

    last_transaction_id: str = ""
    last_ingress: MonotonicNs = 0
    last_error: str = ""
    last_error_time: str = ""

    def observe(self, call: Call) -> None:
        """Note a call that is recorded."""
        self.last_transaction_id = call.ids.transaction_id
        self.last_ingress = call.started

    def failed(self, reason: str) -> None:
        """Note an error of the gateway itself. Errors of upstreams are in the records of their calls."""
        self.last_error = reason
        self.last_error_time = rfc3339(now().wall_ns)

    def report(self) -> dict[str, Any]:
        """The status, in the format of the original."""
        body = {
            "LastTransactionID": self.last_transaction_id,
            "LastIngressTime": rfc3339(wall_of(self.last_ingress)) if self.last_ingress else "",
            "LastError": self.last_error,
            "LastErrorTime": self.last_error_time,
        }
        return {"Status": 200, "Body": body, "Error": None}

    async def answer(self, message: BusMessage) -> None:
        """Answer a request on the is-alive topic."""
        await message.answer(rawjson.dumps(self.report()))
