"""Tokens for providers, renewed in the background before they expire. No call waits for one.

A token is a header of the routers that go to its provider, as a key is. A new one is put in force as a new config is:
calls under way go on with the old one.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

from gecholog import logs
from gecholog.logs import Log
from services.gl.candidates.provider_target import with_token
from services.gl.credentials.renewal import Renewal
from services.gl.errors import UpstreamError
from services.gl.models.entra_id import EntraId
from services.gl.models.google_identity import GoogleIdentity

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from services.gl.config import Config

log = Log("tokens")

_RENEWED_S = 300.0  # before a token expires
_LEAST_PAUSE_S = 30.0
_TIMEOUT_S = 60.0
_AT_START_S = 5.0  # that a start or a reload waits for the first token
_LONGEST_WAIT_S = (
    30.0  # until the next look at the clock, which may have been set, or have stood still with the machine
)

Identity = EntraId | GoogleIdentity


class TokenSource(Protocol):
    """Gets tokens for one identity. A source whose library is not asynchronous asks it in a thread."""

    async def token(self) -> tuple[str, float]:
        """A token, and the Unix time at which it expires. Raises UpstreamError."""

    async def close(self) -> None:
        """Close its connections."""


class _Issuer(NamedTuple):
    """The module that gets an issuer's tokens, the package that it needs, and the log line if there is none."""

    module: str
    package: str
    failed: str


_ISSUERS: dict[type[Identity], _Issuer] = {
    EntraId: _Issuer(
        "services.gl.credentials.entra_credential", "azure-identity", "no token of Entra ID for a provider"
    ),
    GoogleIdentity: _Issuer(
        "services.gl.credentials.google_credential", "google-auth[requests]", "no token of Google for a provider"
    ),
}


async def _source(identity: Identity, tls: ssl.SSLContext) -> TokenSource:
    """The source of tokens for an identity. Raises UpstreamError if its library is not installed."""
    issuer = _ISSUERS[type(identity)]
    try:
        module = await asyncio.to_thread(importlib.import_module, issuer.module)
    except ImportError as error:
        raise UpstreamError(503, f"{error.name} is not installed (pip install '{issuer.package}')") from None
    made: TokenSource = module.source(identity, tls)
    return made


Make = Callable[[Identity, "ssl.SSLContext"], Awaitable[TokenSource]]


class _TokenState:
    """The state of one identity. The clock of its renewal is Unix time."""

    def __init__(self, provider: str, identity: Identity, tls: ssl.SSLContext) -> None:
        self.provider = provider
        self.identity = identity
        self.tls = tls
        self.source: TokenSource | None = None
        self.token = ""
        self.expires = 0.0
        self.renewal = Renewal()


_Key = tuple[Identity, str]  # and what outbound TLS trusts


class ProviderTokens:
    """The tokens of all providers that take them."""

    def __init__(
        self,
        current: Callable[[], Config],
        changed: Callable[[], None],
        make: Make = _source,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`current` returns the config in force; `changed` is called when a token is another one."""
        self._current = current
        self._changed = changed
        self._make = make
        self._clock = clock
        self._states: dict[_Key, _TokenState] = {}
        self._wake = asyncio.Event()

    def applied(self, config: Config) -> Config:
        """The config with the tokens that there are."""
        tokens = {name: state.token for name, state in self._wanted(config)}
        if not tokens:
            return config
        routers = {
            key: with_token(router, tokens[router.provider]) if router.provider in tokens else router
            for key, router in config.provider_routers.items()
        }
        return replace(config, provider_routers=routers)

    async def prepare(self, config: Config) -> None:
        """Get the tokens that a config needs and that are not there, as far as they come soon."""
        missing = [state for _, state in self._wanted(config) if not state.token]
        with suppress(TimeoutError):
            async with asyncio.timeout(_AT_START_S):
                await self._renew(missing)

    def refresh(self) -> None:
        """Look again which tokens are wanted: there is another config."""
        self._wake.set()

    async def run(self) -> None:
        """Renew tokens before they expire."""
        try:
            while True:
                self._wake.clear()
                states = [state for _, state in self._wanted(self._current())]
                await self._close_others(states)
                await self._renew([state for state in states if state.renewal.at <= self._clock()])
                renew_at = min((state.renewal.at for state in states), default=None)
                with suppress(TimeoutError):
                    async with asyncio.timeout(None if renew_at is None else self._pause(renew_at)):
                        await self._wake.wait()
        finally:
            await self._close_others([])

    def _pause(self, until: float) -> float:
        """Seconds until a Unix time, at most as long as the clock can be trusted."""
        return min(max(0.0, until - self._clock()), _LONGEST_WAIT_S)

    def _wanted(self, config: Config) -> Iterator[tuple[str, _TokenState]]:
        """The providers that take tokens, and what is known of their identities."""
        for name, provider in config.models.providers.items():
            if (identity := provider.identity) is not None:
                key = (identity, config.outbound_tls_digest)
                if key not in self._states:
                    self._states[key] = _TokenState(name, identity, config.outbound_context)
                yield name, self._states[key]

    async def _close_others(self, states: list[_TokenState]) -> None:
        for key, state in list(self._states.items()):
            if state not in states:
                del self._states[key]
                if state.source is not None:
                    await state.source.close()

    async def _renew(self, states: list[_TokenState]) -> None:
        async with asyncio.TaskGroup() as group:
            for state in states:
                group.create_task(self._renew_one(state), name=f"token of {state.provider}")

    async def _renew_one(self, state: _TokenState) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                state.source = state.source or await self._make(state.identity, state.tls)
                token, state.expires = await state.source.token()
        except TimeoutError:
            self._failed(state, f"no answer within {_TIMEOUT_S:.0f} s")
        except UpstreamError as error:
            self._failed(state, error.reason)
        except Exception as error:  # noqa: BLE001 - a border: a fault of the library must not end the service
            self._failed(state, type(error).__name__)
        else:
            state.renewal.succeeded(max(self._clock() + _LEAST_PAUSE_S, state.expires - _RENEWED_S))
            if token != state.token:
                logs.protect([token])
                state.token = token
                self._changed()

    def _failed(self, state: _TokenState, reason: str) -> None:
        if state.renewal.failed(self._clock()):
            log.warning(_ISSUERS[type(state.identity)].failed, provider=state.provider, reason=reason)
        if state.token and state.expires <= self._clock():
            state.token = ""
            self._changed()
