"""The candidates of a config, each made once. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from gecholog.glob import matches_any
from services.gl.candidates.candidate import Candidate
from services.gl.candidates.provider_target import lacks_token
from services.gl.models.dialects import is_translated
from services.gl.models.endpoint import has
from services.gl.models.ordering import StrategyInputs
from services.gl.models.resolving import Choice, is_fixed, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from services.gl.models.endpoint import Endpoint
    from services.gl.models.registry import Registry
    from services.gl.routing.routers import Router

_MOST = 1024  # candidates that are kept, and names: clients choose names, and must not fill the memory
_LONGEST = 256  # characters of a name that is kept


def takes(choice: Choice, endpoint: Endpoint) -> bool:
    """Whether a model takes the requests of an endpoint, as they are or translated."""
    provider, model = choice.provider, choice.model
    return has(provider, endpoint, model) or is_translated(provider, endpoint, model)


class CandidateTable:
    """The candidates for plain routers, for models of providers, and for names that clients use.

    Only what depends on the config alone is kept: with another config, list of models or token there is another table.
    """

    def __init__(
        self, routers: Iterable[Router], registry: Registry, provider_routers: Mapping[tuple[str, str], Router]
    ) -> None:
        """`provider_routers` are the routers to providers, by the path of a router of models and the provider."""
        self._routers = {router.path: router for router in routers}
        self._registry = registry
        self._provider_routers = provider_routers
        self._plain = {path: (Candidate(router),) for path, router in self._routers.items()}
        self._kept_model = lru_cache(_MOST)(self._model)
        self._kept_name = lru_cache(_MOST)(self._name)

    def of_router(self, router: Router) -> tuple[Candidate]:
        """The candidate for the target of a router of the config."""
        return self._plain[router.path]

    def of_model(self, router: Router, choice: Choice, endpoint: Endpoint) -> Candidate | None:
        """The candidate for a model of a provider at an endpoint; None if the provider cannot be called.

        `router` is the router of models that the call is for.
        """
        find = self._kept_model if len(choice.model) + len(endpoint.path) <= _LONGEST else self._model
        return find(router.path, choice.provider.name, choice.model, endpoint, choice.max_output_tokens)

    def of_name(self, router: Router, name: str, endpoint: Endpoint) -> tuple[Candidate, ...]:
        """The candidates for a name that a router exposes, in order, if they are the same for all calls.

        Empty if their order depends on the call, if the name is unknown, or if none of them can be called.
        """
        find = self._kept_name if len(name) <= _LONGEST else self._name
        return find(router.path, name, endpoint)

    def _model(
        self, path: str, provider: str, model: str, endpoint: Endpoint, max_output_tokens: int | None
    ) -> Candidate | None:
        router, found = self._provider_routers.get((path, provider)), self._registry.providers[provider]
        if router is None or lacks_token(router, found):
            return None
        return Candidate(router, found, model, endpoint, max_output_tokens)

    def _name(self, path: str, name: str, endpoint: Endpoint) -> tuple[Candidate, ...]:
        router = self._routers[path]
        if not matches_any(router.models, name) or not is_fixed(self._registry, name):
            return ()
        choices = (one for one in resolve(self._registry, name, StrategyInputs()) if takes(one, endpoint))
        found = (self.of_model(router, choice, endpoint) for choice in choices)
        return tuple(candidate for candidate in found if candidate is not None)
