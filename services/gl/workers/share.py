"""Divides the limits of a gateway among its workers. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.gl.config import Config
    from services.gl.routing.routers import Router


@dataclass(frozen=True, slots=True)
class Share:
    """The share of worker number `index`, counted from 0, of `count` workers."""

    index: int
    count: int

    def of(self, total: int) -> int:
        """Its part of a number. The first workers get one more each of what does not divide evenly.

        Each worker gets at least 1, so that it can work at all. 0, which is no limit, stays 0.
        """
        whole, rest = divmod(total, self.count)
        return max(1, whole + (self.index < rest)) if total else 0

    def of_config(self, config: Config) -> Config:
        """The config of this worker: its part of the limits that are those of the whole gateway."""
        limits = replace(
            config.limits,
            connections=self.of(config.limits.connections),
            inflight_body=self.of(config.limits.inflight_body),
        )
        routers = {key: self._of_router(router) for key, router in config.provider_routers.items()}
        journal = self.of(config.journal_max_bytes)
        return replace(config, limits=limits, journal_max_bytes=journal, provider_routers=routers)

    def _of_router(self, router: Router) -> Router:
        """A router with its part of the connections to its provider."""
        most = router.target.max_connections
        return router if most is None else replace(router, target=replace(router.target, max_connections=self.of(most)))
