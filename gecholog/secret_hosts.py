"""Hosts that a secret may be sent to, and whether an address is one of them. Pure.

    api.openai.com              HTTPS on port 443
    *.openai.azure.com          HTTPS on port 443 of every host below
    elastic.example.com:9200    HTTPS on another port
    http://10.0.0.5:11434       without encryption, where that is meant

This machine (`localhost`, `127.0.0.1`, `[::1]`) may be reached without encryption in any case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gecholog import hostname

if TYPE_CHECKING:
    from collections.abc import Iterable

_PORTS = {"https": 443, "http": 80}
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", re.ASCII)
_IPV6 = re.compile(r"[0-9a-f:.]+", re.ASCII)
_SAFE = re.compile(r"[!-~]+")  # of a URL: what programs read differently has no place in it
_FEWEST_LABELS = 2  # after `*.`: one would be a whole top-level domain


@dataclass(frozen=True, slots=True)
class Host:
    """An entry of the list, or where an address leads. `name` begins with `*.` if it stands for all hosts below."""

    scheme: str
    name: str
    port: int

    @property
    def shown(self) -> str:
        """The entry as people write it."""
        name = f"[{self.name}]" if ":" in self.name else self.name
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{'http://' if self.scheme == 'http' else ''}{name}{port}"

    def covers(self, other: Host) -> bool:
        """Tell whether an address that leads to `other` is meant by this entry."""
        if self.port != other.port and not (self.is_default and other.is_default and other.name in LOOPBACK):
            return False
        if self.scheme != other.scheme and not (self.scheme == "https" and other.name in LOOPBACK):
            return False
        if self.name.startswith("*."):
            return other.name.endswith(self.name[1:]) and other.name != self.name[2:]
        return self.name == other.name

    @property
    def is_default(self) -> bool:
        return self.port == _PORTS[self.scheme]


def host_of_entry(text: str) -> Host:
    """The entry that a person has written. Raises ValueError with a sentence."""
    entry = text.strip().lower()
    if not _SAFE.fullmatch(entry):
        raise ValueError("must be a host such as api.openai.com, *.example.com, host:9200 or http://10.0.0.5:11434")
    found = _parsed(entry if "://" in entry else f"https://{entry}")
    if found is None:
        raise ValueError(f"{entry} is not a host such as api.openai.com, *.example.com or http://10.0.0.5:11434")
    if found.name.startswith("*.") and found.name.count(".") < _FEWEST_LABELS:
        raise ValueError(f"{entry} would be a whole top-level domain")
    return found


def host_of_address(url: str) -> Host | None:
    """Where a URL leads; None if it is no address, or one that programs might read differently."""
    parts = url.partition("?")[0]
    return None if "*" in parts else _parsed(parts, whole=False)


def _parsed(url: str, *, whole: bool = True) -> Host | None:
    """`whole`: there must be nothing after the port."""
    if not _SAFE.fullmatch(url) or any(char in url for char in "@\\#"):
        return None
    try:
        parts = urlsplit(url)
        port, name = parts.port, (parts.hostname or "").removesuffix(".")
    except ValueError:
        return None
    if parts.scheme not in _PORTS or (whole and (parts.path not in {"", "/"} or parts.query)) or port == 0:
        return None
    plain = name.removeprefix("*.")
    if not (_IPV6.fullmatch(name) if ":" in name else _NAME.fullmatch(plain)) or hostname.problem(plain):
        return None
    return Host(parts.scheme, name, port or _PORTS[parts.scheme])


def hosts_of(entries: Iterable[str]) -> tuple[str, ...]:
    """A list of entries as it is stored. Raises ValueError with a sentence, also for an empty one."""
    found = tuple(dict.fromkeys(host_of_entry(text).shown for text in entries if text.strip()))
    if not found:
        raise ValueError("a secret needs at least one host that it may be sent to")
    return found


def allows(entries: Iterable[str], url: str) -> bool:
    """Tell whether a URL leads to one of the hosts."""
    target = host_of_address(url)
    return target is not None and any(host_of_entry(entry).covers(target) for entry in entries)
