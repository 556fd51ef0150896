"""The circuit breaker rules of targets, as a config has them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.gl.config import Config
    from services.gl.resilience.breaker import BreakerRules


def rules_of(config: Config, target: str) -> BreakerRules | None:
    """The rules for a target by its key; None if the config has no circuit breaker for it."""
    if target.startswith("/"):
        router = config.routers.get(target)
        return None if router is None else router.resilience.breaker
    provider = config.models.providers.get(target.partition("/")[0])
    return None if provider is None else provider.breaker


def has_breakers(config: Config) -> bool:
    """Tell whether any target has a circuit breaker."""
    return bool(config.provider_routers) or any(router.resilience.breaker for router in config.routers)
