"""Which calls need a stage, as far as the config and the router of a call tell. Pure.

A condition may hold for calls that need nothing of the stage, but it always holds for one that does. A call may go to
another router than its own, because a processor chose it, or because its target failed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from services.gl.routing.key_rule import KeyRule
from services.gl.routing.routers import Action

if TYPE_CHECKING:
    from services.gl.config import Config
    from services.gl.routing.routers import Router

Condition = Callable[["Config", "Router"], bool]


def always(_config: Config, _router: Router) -> bool:
    """For every call."""
    return True


def has_client_keys(_config: Config, router: Router) -> bool:
    """Whether client keys are checked."""
    return router.keys is not KeyRule.OFF


def may_have_limits(config: Config, router: Router) -> bool:
    """Whether the gateway, the router or a client key may limit calls."""
    return bool(config.subjects[router.path]) or has_client_keys(config, router)


def has_request_processors(config: Config, router: Router) -> bool:
    """Whether a processor is asked before the call is forwarded."""
    return bool(config.request.rows_for_routers(router.path))


def may_name_model(config: Config, router: Router) -> bool:
    """Whether the call may reach a router of models: its own, or one that a processor chooses."""
    return router.action is Action.MODELS or has_request_processors(config, router)


def may_have_response_processors(config: Config, router: Router) -> bool:
    """Whether a processor may be asked before the reply is sent."""
    rows = config.response.sync_rows if _may_move(config, router) else config.response.rows_for_routers(router.path)
    return bool(rows)


def may_have_later_processors(config: Config, router: Router) -> bool:
    """Whether a processor may be asked after the reply."""
    return config.has_later_processors(*(() if _may_move(config, router) else (router.path,)))


def _may_move(config: Config, router: Router) -> bool:
    """Whether the call may go to another router than its own."""
    return bool(router.resilience.fallbacks) or has_request_processors(config, router)
