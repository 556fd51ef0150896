"""Builds the target for calls to a provider. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gecholog.headers import ANY_VALUE, canonical
from services.gl.models.address import CREDENTIALS, PAYERS, headers
from services.gl.routing.routers import Router, Target, Timeouts, parse_target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.gl.models.provider import Provider

_AUTHORIZATION = "Authorization"
# Headers that a router may require, and that are still forwarded to a provider.
_OF_THE_REQUEST = frozenset(
    {
        "Accept",
        "Accept-Encoding",
        "Anthropic-Beta",
        "Anthropic-Version",
        "Content-Encoding",
        "Content-Type",
        "User-Agent",
    }
)


def provider_target(
    provider: Provider, outbound: dict[str, Any], timeouts: Timeouts, private: frozenset[str]
) -> Target:
    """The target for calls to a provider. Headers of the router's `outbound` are added; the provider's take precedence.

    Credentials of clients are never forwarded: their headers are removed, and so are the `private` headers, which are
    those of the gateway itself.
    """
    static = {canonical(name): values for name, values in outbound.get("headers", {}).items()} | headers(provider)
    removed = {canonical(name) for name in outbound.get("remove_headers", ())} | CREDENTIALS | PAYERS | private
    target = parse_target(provider.url, "", static, timeouts, add_stream_usage=provider.profile.asks_usage)
    removed -= static.keys()
    return replace(target, removed=frozenset(removed), max_connections=provider.max_connections, aws=provider.aws)


def shown_to_gateway(required: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """The required headers that are meant for the gateway: those with a fixed value, such as a key."""
    return frozenset(name for name, wanted in required.items() if wanted != ANY_VALUE) - _OF_THE_REQUEST


def with_token(router: Router, token: str) -> Router:
    """The router with a token in place of the one that it had; without one it has no header for it."""
    target = router.target
    static = {name: values for name, values in target.headers.items() if name != _AUTHORIZATION}
    removed = target.removed | {_AUTHORIZATION}
    if token:
        static, removed = static | {_AUTHORIZATION: [f"Bearer {token}"]}, removed - {_AUTHORIZATION}
    return replace(router, target=replace(target, headers=static, removed=removed))


def lacks_token(router: Router, provider: Provider) -> bool:
    """Tell whether calls to a provider need a token that is not there."""
    return provider.identity is not None and _AUTHORIZATION not in router.target.headers
