"""What gl says of itself when somebody asks on the is-alive topic."""

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
    """The last call, and the last error. Empty texts until there was one."""

    last_transaction_id: str = ""
    last_ingress: MonotonicNs = 0
    last_error: str = ""
    last_error_time: str = ""

    def saw(self, call: Call) -> None:
        """Remember a call that is recorded."""
        self.last_transaction_id = call.ids.transaction_id
        self.last_ingress = call.started

    def failed(self, reason: str) -> None:
        """Remember an error of the gateway itself; what a target does wrong is in the record of the call."""
        self.last_error = reason
        self.last_error_time = rfc3339(now().wall_ns)

    def report(self) -> dict[str, Any]:
        """The answer, in the original's form."""
        body = {
            "LastTransactionID": self.last_transaction_id,
            "LastIngressTime": rfc3339(wall_of(self.last_ingress)) if self.last_ingress else "",
            "LastError": self.last_error,
            "LastErrorTime": self.last_error_time,
        }
        return {"Status": 200, "Body": body, "Error": None}

    async def answer(self, message: BusMessage) -> None:
        """Answer a question on the is-alive topic."""
        await message.answer(rawjson.dumps(self.report()))
