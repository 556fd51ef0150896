"""From which hosts images may be fetched: the option `fetch_images` of a router. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gecholog import host_port
from services.gl.images.refused import ImageRefused
from services.gl.images.url import parsed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.gl.images.url import ImageUrl

OFF = "off"
PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class ImageRule:
    """The hosts that may be asked for images: none, all, or those listed with a port (None: 80 and 443).

    All of them need public addresses, whatever the rule: that is checked when a host is resolved.
    """

    is_on: bool = False
    hosts: frozenset[tuple[str, int | None]] | None = None

    @classmethod
    def of(cls, option: str | Sequence[str]) -> ImageRule:
        """The rule of a checked value: `off`, `public`, or a list of hosts, each perhaps with a port."""
        if isinstance(option, str):
            return cls(is_on=option == PUBLIC)
        return cls(is_on=True, hosts=frozenset(map(_entry, option)))

    def check(self, url: ImageUrl) -> None:
        """Refuse hosts and ports that are not allowed. Raises ImageRefused."""
        if not self.is_on:
            raise ImageRefused("the gateway fetches no images (option fetch_images)")
        if self.hosts is None:
            if not url.has_usual_port:
                raise ImageRefused("its URL must have the port 80 or 443")
        elif (url.host, url.port) not in self.hosts and not (url.has_usual_port and (url.host, None) in self.hosts):
            raise ImageRefused("its host is not in the list of hosts (option fetch_images)")


def problem(option: object) -> str:
    """The reason why a value of the option, of the right JSON type, is invalid; empty if it is valid."""
    if isinstance(option, str):
        return "" if option in {OFF, PUBLIC} else f"must be {OFF}, {PUBLIC} or a list of hosts"
    return ""


def host_problem(text: str) -> str:
    """The reason why an entry of the list of hosts is invalid; empty if it is valid."""
    try:
        host, port = _entry(text)
        shown = f"[{host}]" if ":" in host else host
        parsed(f"http://{shown}:{port or 80}/")
    except (ValueError, ImageRefused):
        return "must be a host, or a host and a port, such as images.example.com"
    return ""


def _entry(text: str) -> tuple[str, int | None]:
    host, port = host_port.split(text)
    return host.lower().removesuffix("."), port
