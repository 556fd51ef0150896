"""Where secrets of the store may stand in gl_config.json, and the addresses that gl sends them to. Pure.

Values are not checked yet when this is asked. An entry that gl could not use has no addresses, so that it may have no
secret.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gecholog.secret_rule import SecretPlace
from services.gl.models.provider import url_of
from services.gl.routing.routers import parse_target

_ENTRA_ID = "https://login.microsoftonline.com"  # azure.identity.AzureAuthorityHosts.AZURE_PUBLIC_CLOUD


def places(values: Any) -> Iterator[SecretPlace]:
    """The headers of routers, and the credentials and headers of providers."""
    addresses: list[str] = []
    for index, entry in _entries(values, "providers"):
        found = _of_provider(entry)
        addresses += found
        for name in ("api_key", "headers"):
            yield SecretPlace(("providers", index, name), found)
        entra_id = entry.get("entra_id")
        if isinstance(entra_id, dict):
            yield SecretPlace(("providers", index, "entra_id", "client_secret"), (_authority(entra_id),))
    for index, entry in _entries(values, "routers"):
        outbound = entry.get("outbound")
        if isinstance(outbound, dict):
            # a router of models sends its headers to whichever provider has the model
            found = tuple(addresses) if "models" in outbound else _origin(outbound.get("url"))
            yield SecretPlace(("routers", index, "outbound", "headers"), found)


def _entries(values: Any, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    found = values.get(name) if isinstance(values, dict) else None
    for index, entry in enumerate(found if isinstance(found, list) else ()):
        if isinstance(entry, dict):
            yield index, entry


def _of_provider(entry: dict[str, Any]) -> tuple[str, ...]:
    try:
        return _origin(url_of(entry))
    except (AttributeError, KeyError, TypeError, ValueError):
        return ()


def _origin(url: Any) -> tuple[str, ...]:
    """The origin of a URL as gl reads it; nothing if it is no address."""
    try:
        origin = parse_target(url, "", {}).origin
    except (AttributeError, TypeError, ValueError):
        return ()
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return (f"{origin.scheme}://{host}:{origin.port}",)


def _authority(entra_id: dict[str, Any]) -> str:
    """Who issues tokens for the secret; the library takes a host, too."""
    text = entra_id.get("authority") or _ENTRA_ID
    return text if not isinstance(text, str) or "://" in text else f"https://{text}"
