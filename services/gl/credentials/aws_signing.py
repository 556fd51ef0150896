"""Signs requests for AWS (Signature Version 4), with the credentials that the machine has.

Credentials are looked up as all programs for AWS do it: variables of the environment, files in `~/.aws`, the roles of
containers and machines. botocore knows these ways; it is imported, and asked, in a thread, and only if a provider wants
it. Credentials that expire are renewed in the background, a quarter of an hour before.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from gecholog.logs import Log
from services.gl.errors import UpstreamError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from services.gl.aws_service import AwsService
    from services.gl.http import Response, Upstream, UpstreamRequest

log = Log("aws")

_RENEWED_S = 60.0  # between looks at credentials, which may be renewed then
_TIMEOUT_S = 10.0  # that the first call waits
_RETRY_S = 5.0  # after credentials could not be had


class AwsCredentials(Protocol):
    """What the machine has: credentials, and signatures with them."""

    def load(self) -> None:
        """Look credentials up, or renew them. Blocks. Raises UpstreamError if there are none."""

    def sign(self, service: AwsService, method: str, url: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
        """The headers that sign a request. `headers` are those that are signed beside the host."""


class _Loaded(NamedTuple):
    credentials: AwsCredentials
    at: float  # by the monotonic clock


def _botocore() -> AwsCredentials:
    try:
        module = importlib.import_module("services.gl.credentials.aws_botocore")
    except ImportError:
        raise UpstreamError(
            503, "botocore is not installed, which signs requests for AWS (pip install botocore)"
        ) from None
    found: AwsCredentials = module.BotocoreCredentials()
    return found


class SignedUpstream:
    """The upstream, with requests for AWS signed on their way. Implements `Upstream`."""

    def __init__(self, upstream: Upstream, signer: Signer) -> None:
        self._upstream = upstream
        self._signer = signer

    def send(self, request: UpstreamRequest, /) -> Coroutine[Any, Any, Response]:
        """Send a request. Raises UpstreamError."""
        service = request.router.target.aws
        return self._upstream.send(request) if service is None else self._sign_and_send(request, service)

    async def _sign_and_send(self, request: UpstreamRequest, service: AwsService) -> Response:
        return await self._upstream.send(await self._signer.signed(request, service))

    def retire(self) -> None:
        """Close the connections of the upstream, as they become idle."""
        self._upstream.retire()


class Signer:
    """Signs requests, and keeps the credentials for it."""

    def __init__(self, make: Callable[[], AwsCredentials] = _botocore) -> None:
        self._make = make
        self._loaded: _Loaded | None = None
        self._loading: asyncio.Task[None] | None = None
        self._failed_at = -_RETRY_S
        self._reason = ""

    async def signed(self, request: UpstreamRequest, service: AwsService) -> UpstreamRequest:
        """The request with its signature. Raises UpstreamError if there are no credentials."""
        credentials = await self._credentials()
        target = request.router.target
        url = f"{target.origin.scheme}://{target.origin.authority}{request.path}" + (
            f"?{request.query}" if request.query else ""
        )
        content_type = request.headers.get("Content-Type", ["application/json"])[0]
        own = credentials.sign(service, request.method, url, {"Content-Type": content_type}, request.body)
        return request._replace(headers={**request.headers, **{name: [value] for name, value in own.items()}})

    async def close(self) -> None:
        """Give up looking for credentials."""
        if self._loading is not None:
            self._loading.cancel()

    async def _credentials(self) -> AwsCredentials:
        loaded, now = self._loaded, time.monotonic()
        if loaded is not None:
            if now - loaded.at > _RENEWED_S:
                self._load()
            return loaded.credentials
        if now - self._failed_at < _RETRY_S:
            raise UpstreamError(503, self._reason)
        try:
            await asyncio.wait_for(asyncio.shield(self._load()), _TIMEOUT_S)
        except TimeoutError:
            raise UpstreamError(503, "no credentials for AWS in time") from None
        if self._loaded is None:
            raise UpstreamError(503, self._reason)
        return self._loaded.credentials

    def _load(self) -> asyncio.Task[None]:
        if self._loading is None or self._loading.done():
            self._loading = asyncio.create_task(self._renew(), name="credentials for AWS")
        return self._loading

    async def _renew(self) -> None:
        """Look credentials up; those that there are stay in use if that fails."""
        try:
            credentials = self._loaded.credentials if self._loaded else await asyncio.to_thread(self._make)
            await asyncio.to_thread(credentials.load)
        except UpstreamError as error:
            self._reason, self._failed_at = error.reason, time.monotonic()
            log.warning("no credentials for AWS", reason=error.reason)
            if self._loaded is not None:
                self._loaded = self._loaded._replace(at=time.monotonic())
        else:
            self._loaded = _Loaded(credentials, time.monotonic())
