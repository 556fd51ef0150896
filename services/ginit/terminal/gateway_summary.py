"""What the terminal needs from gl's config: where records are published, and the routers."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gecholog import regular_file
from gecholog.bus_address import BusAddress
from gecholog.environment import fill

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_WITHOUT_USUAL_URL = frozenset({"azure", "ollama"})


@dataclass(frozen=True, slots=True)
class RouterSummary:
    """A router for display: its path, and the scheme and host of its target."""

    path: str
    destination: str


@dataclass(frozen=True, slots=True)
class GatewaySummary:
    """The bus that gl publishes on, the subject of its records, and its routers in the order of the file."""

    bus: BusAddress
    subject: str
    routers: tuple[RouterSummary, ...]


def read(file: Path, environ: Mapping[str, str], secrets: Path) -> GatewaySummary | None:
    """Read gl's config; None if it cannot be read, for which its own validation gives the reason.

    A token that was generated at the first start is not in the environment but in the folder `secrets`.
    """
    try:
        token = environ.get("NATS_TOKEN") or regular_file.read_text(secrets / "NATS_TOKEN", "ascii").strip()
        text = fill(regular_file.read_text(file, "utf-8-sig"), {**environ, "NATS_TOKEN": token}).text
        values = json.loads(text)
        bus = values["service_bus"]
        providers = ", ".join(_serving(values.get("providers") or ()))
        routers = tuple(_router(entry, providers) for entry in values["routers"])
        return GatewaySummary(BusAddress.of_section(bus), bus["topic_exact_logger"], routers)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _router(entry: dict[str, Any], providers: str) -> RouterSummary:
    path, outbound = str(entry["path"]), entry["outbound"]
    if "models" in outbound:
        return RouterSummary(path, f"the APIs of OpenAI and Anthropic, models of {providers or 'no provider'}")
    return RouterSummary(path, "shows what would be sent" if path.startswith("/echo/") else _origin(outbound["url"]))


def _serving(providers: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The names of the providers that lack nothing: not the key, and not the url if they need one."""
    for provider in providers:
        has_key = "api_key" not in provider or provider["api_key"]
        has_url = provider.get("url") or provider["dialect"] not in _WITHOUT_USUAL_URL
        if has_key and has_url and provider.get("enabled", True):
            yield str(provider["name"])


def _origin(url: str) -> str:
    """Scheme and host of a url; the rest may hold secrets."""
    parts = urlsplit(os.fspath(url))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""
