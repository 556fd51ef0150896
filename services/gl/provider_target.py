"""The target of calls to a provider. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gecholog.headers import canonical
from services.gl import routing
from services.gl.models.address import CREDENTIALS, headers

if TYPE_CHECKING:
    from services.gl.models.provider import Provider


def provider_target(provider: Provider, outbound: dict[str, Any], timeouts: routing.Timeouts) -> routing.Target:
    """Where calls to a provider go. `outbound` is the router's, whose headers are added; the provider's own win.

    Keys of clients are never forwarded: what they send in the headers for keys is removed.
    """
    static = {canonical(name): values for name, values in outbound.get("headers", {}).items()} | headers(provider)
    removed = {canonical(name) for name in outbound.get("remove_headers", ())} | CREDENTIALS
    target = routing.parse_target(provider.url, "", static, timeouts, add_stream_usage=provider.profile.asks_usage)
    return replace(target, removed=frozenset(removed - static.keys()))
