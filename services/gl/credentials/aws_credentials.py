"""The credentials of this machine for AWS, looked up and renewed in the background. No call waits for them.

They are looked up as all programs for AWS do it: variables of the environment, files in `~/.aws`, the roles of
containers and machines. botocore knows these ways and blocks, so it is imported, and asked, in a thread.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from gecholog.logs import Log
from services.gl.credentials.renewal import Renewal
from services.gl.errors import UpstreamError

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.gl.config import Config
    from services.gl.routing.aws_service import AwsService, UnsignedRequest

log = Log("aws")

_INTERVAL_S = 60.0  # between looks at the credentials. botocore renews them then, if they expire within 15 minutes
_REFUSED_PAUSE_S = 2.0  # between two looks for other credentials than those that AWS refused
_TIMEOUT_S = 60.0
_AT_START_S = 5.0  # that a start or a reload waits for the credentials


class AwsCredentials(Protocol):
    """Credentials, and signatures with them."""

    def load(self) -> None:
        """Look them up, or renew them. Blocks. Raises UpstreamError if there are none."""

    def has_expired(self) -> bool:
        """Whether they are known to be of no use any more."""

    def sign(self, service: AwsService, request: UnsignedRequest) -> dict[str, str]:
        """The headers that sign a request."""


def _botocore() -> AwsCredentials:
    try:
        module = importlib.import_module("services.gl.credentials.aws_botocore")
    except ImportError:
        raise UpstreamError(
            503, "botocore is not installed, which signs requests for AWS (pip install botocore)"
        ) from None
    found: AwsCredentials = module.BotocoreCredentials()
    return found


class CredentialStore:
    """Holds the credentials while a provider of the config in force needs them."""

    def __init__(
        self,
        current: Callable[[], Config],
        make: Callable[[], AwsCredentials] = _botocore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`current` returns the config in force. `make` starts a lookup from nothing, and may block."""
        self._current = current
        self._make = make
        self._clock = clock
        self._credentials: AwsCredentials | None = None
        self._starts_anew = True
        self._reason = "the credentials for AWS are not there yet"
        self._renewal = Renewal()
        self._looked_at = 0.0
        self._is_refused = False
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()

    def get(self) -> AwsCredentials:
        """The credentials. Raises UpstreamError if there are none."""
        if self._credentials is None:
            raise UpstreamError(503, self._reason)
        return self._credentials

    async def prepare(self, config: Config) -> None:
        """Look for the credentials that a config needs and that are not there, as far as they come soon."""
        if _is_wanted(config) and self._credentials is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_AT_START_S):
                    await self._renew()

    def refresh(self) -> None:
        """Look again whether credentials are needed: there is another config."""
        self._wake.set()

    def refused(self, error: str) -> None:
        """AWS refused the credentials: look for others, at most every few seconds. `error` is what AWS says."""
        if not self._is_refused:  # once, until a request is accepted
            log.warning("AWS refused the credentials, looking for others", error=error)
        self._is_refused = True
        self._starts_anew = True
        self._renewal.at = min(self._renewal.at, self._looked_at + _REFUSED_PAUSE_S)
        self._wake.set()

    def accepted(self) -> None:
        """AWS accepted the credentials."""
        self._is_refused = False

    async def run(self) -> None:
        """Renew the credentials before they expire."""
        while True:
            self._wake.clear()
            is_wanted = _is_wanted(self._current())
            if is_wanted and self._renewal.at <= self._clock():
                await self._renew()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, self._renewal.at - self._clock()) if is_wanted else None):
                    await self._wake.wait()

    async def _renew(self) -> None:
        async with self._lock:
            self._looked_at = self._clock()
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    found = self._credentials
                    if found is None or self._starts_anew:
                        found = await asyncio.to_thread(self._make)
                    await asyncio.to_thread(found.load)
            except TimeoutError:
                self._failed(f"the credentials for AWS were not found within {_TIMEOUT_S:.0f} s")
            except UpstreamError as error:
                self._failed(error.reason)
            except Exception as error:  # noqa: BLE001 - a border: a fault of the library must not end the service
                self._failed(f"credentials for AWS: {type(error).__name__}")
            else:
                self._credentials, self._starts_anew = found, False
                self._renewal.succeeded(self._clock() + _INTERVAL_S)

    def _failed(self, reason: str) -> None:
        """Note a failure. The credentials that there are stay in use until they expire."""
        self._reason = reason
        if self._renewal.failed(self._clock()):
            log.warning("no credentials for AWS", reason=reason)
        if self._credentials is not None and self._credentials.has_expired():
            self._credentials = None


def _is_wanted(config: Config) -> bool:
    return any(provider.aws is not None for provider in config.models.providers.values())
