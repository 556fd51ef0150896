"""Signs requests for AWS (Signature Version 4), and heals what AWS says is wrong with a signature.

AWS refuses a signature whose time differs by more than five minutes from its own. The `Date` of its response tells its
time: the request is signed anew with that and sent a second time, and so are the requests after it.
https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from gecholog import headers
from gecholog.logs import Log
from services.gl.credentials import clock_skew
from services.gl.routing.aws_service import UnsignedRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from services.gl.credentials.aws_credentials import CredentialStore
    from services.gl.http import Upstream, UpstreamRequest, UpstreamResponse
    from services.gl.routing.aws_service import AwsService

log = Log("aws")

_FORBIDDEN = 403
_LARGE_SKEW_S = 60.0
# Errors of credentials that are of no use any more.
# https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html
_USELESS = frozenset({"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"})


class SignedUpstream:
    """The upstream, with requests for AWS signed on their way. Implements `Upstream`."""

    def __init__(self, upstream: Upstream, signer: Signer) -> None:
        self._upstream = upstream
        self._signer = signer

    def send(self, request: UpstreamRequest, /) -> Coroutine[Any, Any, UpstreamResponse]:
        """Send a request. Raises UpstreamError."""
        service = request.router.target.aws
        return self._upstream.send(request) if service is None else self._sign_and_send(request, service)

    async def _sign_and_send(self, request: UpstreamRequest, service: AwsService) -> UpstreamResponse:
        response = await self._upstream.send(self._signer.signed(request, service))
        if self._signer.learn(response):
            response.abandon()
            response = await self._upstream.send(self._signer.signed(request, service))
        return response

    def retire(self) -> None:
        """Close the connections of the upstream, as they become idle."""
        self._upstream.retire()


class Signer:
    """Signs requests, and learns from the responses."""

    def __init__(self, credentials: CredentialStore, clock: Callable[[], float] = time.time) -> None:
        self._credentials = credentials
        self._clock = clock
        self._skew_s = 0.0  # by which the clock of AWS is ahead

    def signed(self, request: UpstreamRequest, service: AwsService) -> UpstreamRequest:
        """The request with its signature. Raises UpstreamError if there are no credentials."""
        credentials, target = self._credentials.get(), request.router.target
        query = f"?{request.query}" if request.query else ""
        url = f"{target.origin.scheme}://{target.origin.authority}{request.path}{query}"
        beside = {"Content-Type": headers.first(request.headers, "Content-Type") or "application/json"}
        now = self._clock() + self._skew_s
        own = credentials.sign(service, UnsignedRequest(request.method, url, beside, request.body, now))
        return request._replace(headers={**request.headers, **{name: [value] for name, value in own.items()}})

    def learn(self, response: UpstreamResponse) -> bool:
        """Learn from a response. Returns True if another signature may be accepted: it has another time."""
        if response.status != _FORBIDDEN:
            self._credentials.accepted()
            return False
        error = headers.first(response.headers, "X-Amzn-Errortype").partition(":")[0]
        if error in _USELESS:
            self._credentials.refused(error)
            return False
        skew = clock_skew.skew(headers.first(response.headers, "Date"), self._clock())
        if skew is None or abs(skew - self._skew_s) < _LARGE_SKEW_S:
            return False
        self._skew_s = skew
        log.warning("signing for AWS with its time, because the clocks differ", skew=clock_skew.shown(skew))
        return True
