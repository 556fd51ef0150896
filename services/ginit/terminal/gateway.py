"""What the terminal needs from gl's config: where records are published, and the routers."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gecholog import regular_file
from gecholog.environment import fill

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Router:
    """A router for display: its path, and the scheme and host of its target."""

    path: str
    leads_to: str


@dataclass(frozen=True, slots=True)
class Gateway:
    """The bus that gl publishes on, the subject of its records, and its routers in the order of the file."""

    hostname: str
    subject: str
    token: str = field(repr=False)
    routers: tuple[Router, ...]


def read(file: Path, environ: Mapping[str, str], secrets: Path) -> Gateway | None:
    """Read gl's config; None if it cannot be read, for which its own validation gives the reason.

    A token that was generated at the first start is not in the environment but in the folder `secrets`.
    """
    try:
        token = environ.get("NATS_TOKEN") or regular_file.read_text(secrets / "NATS_TOKEN", "ascii").strip()
        text = fill(regular_file.read_text(file, "utf-8-sig"), {**environ, "NATS_TOKEN": token}).text
        values = json.loads(text)
        bus = values["service_bus"]
        routers = tuple(_router(entry) for entry in values["routers"])
        return Gateway(bus["hostname"], bus["topic_exact_logger"], bus["token"], routers)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _router(entry: dict[str, Any]) -> Router:
    path = str(entry["path"])
    return Router(path, "shows what would be sent" if path.startswith("/echo/") else _origin(entry["outbound"]["url"]))


def _origin(url: str) -> str:
    """Scheme and host of a url; the rest may hold secrets."""
    parts = urlsplit(os.fspath(url))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""
