"""What mock remembers, and what it answers."""

from __future__ import annotations

import asyncio
import math
import random
from dataclasses import dataclass, field
from typing import Any

from gecholog.processor import Processor, Raw, Request, Response

MOCK_ROUTER = "/mock/"
_WRITTEN = ("egress_payload", "egress_headers", "egress_status_code")
_MEAN_AT_ONE = 0.1  # seconds that an answer takes on average at LAMBDA=1
_AT_A_TIME = 4096  # answers: they only wait

Recorded = dict[str, Raw]


@dataclass(slots=True)
class Mock:
    """`rate` is LAMBDA: an answer is held back for a random time of 100/LAMBDA ms on average; 0: it is not."""

    rate: float = 0
    _recorded: dict[str, Recorded] = field(default_factory=dict)

    async def on_request(self, request: Request) -> dict[str, Any] | None:
        """A request to the mock router is not sent anywhere: `control` keeps what is asked for until the response."""
        subpath = request.get("ingress_subpath")
        if request.get("gl_path") != MOCK_ROUTER or not subpath:
            return None
        return {"control": f"/{subpath}"}

    async def on_response(self, response: Response) -> Recorded | None:
        """A response of the mock router becomes the one that is recorded; any other is recorded."""
        path = response.get("gl_path")
        if path != MOCK_ROUTER:
            self._record(path, response)
            return None
        found = self._recorded_for(response.get("egress_payload"))
        if found is not None:
            await asyncio.sleep(delay(self.rate))
        return found

    def _record(self, path: Any, response: Response) -> None:
        parts = {name: part for name in _WRITTEN if (part := response.raw(name)) is not None}
        if isinstance(path, str) and path and {"egress_payload", "egress_headers"} <= parts.keys():
            self._recorded[path] = parts

    def _recorded_for(self, asked: Any) -> Recorded | None:
        """The response of the longest router that `asked` is below; None if none has answered yet."""
        if not isinstance(asked, str):
            return None
        paths = [path for path in self._recorded if asked.startswith(path)]
        return self._recorded[max(paths, key=len)] if paths else None


def delay(rate: float) -> float:
    """A random number of seconds, exponentially distributed, 0.1/`rate` on average; 0 for a rate of 0 or less."""
    return random.expovariate(rate) * _MEAN_AT_ONE if rate > 0 else 0


def rate_of(text: str) -> float:
    """LAMBDA as a number; empty is 0. Raises ValueError."""
    rate = float(text or 0)
    if not math.isfinite(rate):
        raise ValueError("not a finite number")
    return rate


def processor_with(rate: float) -> Processor:
    """A processor that has nothing recorded yet."""
    mock = Mock(rate)
    processor = Processor("mock", concurrency=_AT_A_TIME, description="Replays the last response of a router.")
    processor.request(mock.on_request)
    processor.response(mock.on_response)
    return processor
