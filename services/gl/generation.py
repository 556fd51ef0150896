"""A generation: everything that one config puts in force. A call keeps the generation that it began with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from gecholog.session import Sessions
from services.gl.config import Config
from services.gl.dependencies import Dependencies
from services.gl.image_fetcher import ImageFetcher
from services.gl.pipeline import Plan, plan_for
from services.gl.upstream import Pool


@dataclass(frozen=True, slots=True)
class Clients:
    """What opens connections to upstreams: for calls, and for images that a request names by URL."""

    pool: Pool
    images: ImageFetcher

    def retire(self) -> None:
        """Close idle connections, and the others after their response."""
        self.pool.retire()


@dataclass(frozen=True)
class Generation:
    """A config, and the objects that were built from it."""

    config: Config
    deps: Dependencies
    sessions: Sessions
    clients: Clients

    @cached_property
    def plans(self) -> Mapping[str, Plan]:
        """What happens to the calls of each router, by its path."""
        return {router.path: plan_for(self.config, router) for router in self.config.routers}
