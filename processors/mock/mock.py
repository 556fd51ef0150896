"""Records responses and replays them."""

from __future__ import annotations

import asyncio
import math
import random
from dataclasses import dataclass, field
from typing import Any

from gecholog.processor import Processor, Raw, Request, Response

MOCK_ROUTER = "/mock/"
_WRITTEN = ("egress_payload", "egress_headers", "egress_status_code")
_MEAN_DELAY_S = 0.1  # at LAMBDA=1
_CONCURRENCY = 4096  # replies only wait

Recorded = dict[str, Raw]


@dataclass(slots=True)
class Mock:
    """Records and replays responses.

    `rate` is LAMBDA: replies are delayed by 100/LAMBDA ms on average, 0 is no delay.
    """

    rate: float = 0
    _recorded: dict[str, Recorded] = field(default_factory=dict)

    async def on_request(self, request: Request) -> dict[str, Any] | None:
        """Answer a request to the mock router. `control` carries the requested path to the response processor."""
        subpath = request.get("ingress_subpath")
        if request.get("gl_path") != MOCK_ROUTER or not subpath:
            return None
        return {"control": f"/{subpath}"}

    async def on_response(self, response: Response) -> Recorded | None:
        """Replace a response of the mock router by the recorded one. Record all other responses."""
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
        """Return the response of the longest router that the path `asked` begins with. None if there is none."""
        if not isinstance(asked, str):
            return None
        paths = [path for path in self._recorded if asked.startswith(path)]
        return self._recorded[max(paths, key=len)] if paths else None


def delay(rate: float) -> float:
    """Return a random delay in seconds: exponential with mean 0.1/`rate`, or 0 for a rate of 0 or less."""
    return random.expovariate(rate) * _MEAN_DELAY_S if rate > 0 else 0


def rate_of(text: str) -> float:
    """Parse LAMBDA. An empty value is 0. Raises ValueError."""
    rate = float(text or 0)
    if not math.isfinite(rate):
        raise ValueError("not a finite number")
    return rate


def processor_with(rate: float) -> Processor:
    """Create a processor without recorded responses."""
    mock = Mock(rate)
    processor = Processor("mock", concurrency=_CONCURRENCY, description="Replays the last response of a router.")
    processor.request(mock.on_request)
    processor.response(mock.on_response)
    return processor
