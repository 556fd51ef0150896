"""Discovery: requests the models of providers in the background. No call waits for it.

The last list of a provider is in force until there is another one, also while it cannot be asked. A reload asks all of
them again.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from gecholog import backoff
from gecholog.logs import Log
from services.gl import provider_client
from services.gl.errors import UpstreamError
from services.gl.models.model_list import NOT_LISTED, list_address, names_in
from services.gl.provider_client import ProviderRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.gl.config import Config
    from services.gl.generation import Generation
    from services.gl.models.provider import Provider
    from services.gl.routing.routers import Router

log = Log("discovery")

_INTERVAL_S = 600.0
_FIRST_RETRY_S = 5.0
_TIMEOUT_S = 30.0
_LARGEST = 16 * 1024 * 1024  # bytes of a list


class _Source(NamedTuple):
    """What the list of models of a provider depends on."""

    url: str
    api_key: str


class _ProviderState:
    """The state of the discovery of one provider."""

    def __init__(self, source: _Source) -> None:
        self.source = source
        self.names: frozenset[str] | None = None
        self.failures = 0


class Discovery:
    """The models that providers list."""

    def __init__(self, current: Callable[[], Generation], found: Callable[[], None]) -> None:
        """`current` returns the generation in force; `found` is called when a list has changed."""
        self._current = current
        self._found = found
        self._states: dict[str, _ProviderState] = {}
        self._wake = asyncio.Event()

    def applied(self, config: Config) -> Config:
        """The config with the lists of those of its providers that are to be asked."""
        known = {name: state.names for name, state, _ in self._asked(config) if state.names is not None}
        return replace(config, models=replace(config.models, discovered=known)) if known else config

    def refresh(self) -> None:
        """Ask again: there is another config."""
        self._wake.set()

    async def run(self) -> None:
        """Ask all providers, again and again."""
        while True:
            self._wake.clear()
            generation = self._current()
            asked = list(self._asked(generation.config))
            async with asyncio.TaskGroup() as group:
                for name, state, router in asked:
                    provider = generation.config.models.providers[name]
                    group.create_task(self._ask(generation, provider, state, router), name=f"models of {name}")
            with suppress(TimeoutError):
                async with asyncio.timeout(_pause(state for _, state, _ in asked)):
                    await self._wake.wait()

    def _asked(self, config: Config) -> Iterator[tuple[str, _ProviderState, Router]]:
        """The providers that are to be asked, what is known of them, and a router that goes there."""
        routers = {router.provider: router for router in config.provider_routers.values()}
        for name, provider in config.models.providers.items():
            if provider.discovers and provider.dialect not in NOT_LISTED and name in routers:
                source = _Source(provider.url, provider.api_key)
                state = self._states.get(name)
                if state is None or state.source != source:
                    state = self._states[name] = _ProviderState(source)
                yield name, state, routers[name]

    async def _ask(self, generation: Generation, provider: Provider, state: _ProviderState, router: Router) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                request = ProviderRequest(router, provider, list_address(provider), largest=_LARGEST)
                answer = await provider_client.ask(generation.clients.pool, request)
            names, reason = names_in(provider.dialect, answer), "the answer is no list of models"
        except TimeoutError:
            names, reason = None, f"no answer within {_TIMEOUT_S:.0f} s"
        except UpstreamError as error:
            names, reason = None, error.reason
        except Exception as error:  # noqa: BLE001 - a border: a fault of ours must not end the service
            log.fault("discovery failed", error, provider=provider.name)
            return
        if names is None:
            self._failed(provider, state, reason)
            return
        state.failures = 0
        if names != state.names:
            log.info("models of a provider listed", provider=provider.name, models=len(names))
            state.names = names
            self._found()

    def _failed(self, provider: Provider, state: _ProviderState, reason: str) -> None:
        state.failures += 1
        if state.failures == 1:  # once, until it has worked again
            kept = "none" if state.names is None else len(state.names)
            log.warning("models of a provider cannot be listed", provider=provider.name, reason=reason, kept=kept)


def _pause(states: Iterator[_ProviderState]) -> float:
    """Seconds until the next requests to providers: fewer if one failed."""
    failed = [state.failures for state in states if state.failures]
    return backoff.exponential(min(failed) - 1, _FIRST_RETRY_S, _INTERVAL_S) if failed else _INTERVAL_S
