"""Targets: send a request, get an answer whose body comes piece by piece.

Nothing outside this folder knows what is behind `Upstream`: httptools (llhttp) as parser, a pool of our own. Upstream
clients at hand were measured and cost several times as much a call; what they add (redirects, cookies, decoding,
automatic headers) a gateway has to switch off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from services.gl.upstream.pool import Pool

if TYPE_CHECKING:
    from services.gl.http import Response, UpstreamRequest

__all__ = ["Pool", "Upstream"]


class Upstream(Protocol):
    """The way to all targets."""

    async def send(self, outbound: UpstreamRequest) -> Response:
        """Send a request; return when the head of the answer is there. Raises UpstreamError."""

    def retire(self) -> None:
        """Start no more requests; those under way go on. Idle connections are closed."""
