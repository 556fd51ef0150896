"""An attempt: the call to one candidate, complete before it is made. Pure values."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from services.gl.target_key import provider_key

if TYPE_CHECKING:
    from gecholog.headers import Headers
    from services.gl.http import UpstreamRequest
    from services.gl.models.endpoint import Endpoint
    from services.gl.models.provider import Provider
    from services.gl.record.section import RecordSection
    from services.gl.resilience.breaker import BreakerRules
    from services.gl.routing import Router
    from services.gl.transform import BodyTransform


class Candidate(NamedTuple):
    """One place where a call may go: the target of a router, or a model of a provider and the endpoint there."""

    router: Router
    provider: Provider | None = None
    model: str = ""
    endpoint: Endpoint | None = None

    @property
    def key(self) -> str:
        """What its failures are counted under."""
        return self.router.path if self.provider is None else provider_key(self.provider.name, self.model)

    @property
    def breaker(self) -> BreakerRules | None:
        """When calls are held back from it; None: never."""
        return self.router.resilience.breaker if self.provider is None else self.provider.breaker


class Attempt(NamedTuple):
    """What is sent to one candidate, and how the record tells of it.

    `section` is the request section of the record, completed for this attempt. `url` and `shown_headers` are for the
    record as well: secrets are masked in them. `transform` is what the body of the answer goes through on its way to
    the caller. `asks_usage`: gl asked for the usage of a stream, the caller did not.
    """

    candidate: Candidate
    request: UpstreamRequest
    section: RecordSection
    url: str
    shown_headers: Headers
    transform: BodyTransform | None = None
    asks_usage: bool = False
