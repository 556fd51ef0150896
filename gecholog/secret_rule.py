"""The one rule about secrets of the store in config files (`${secret:NAME}`): where they may stand. Pure.

Each secret names the hosts that it may be sent to. A config may have it only where its service sends it to an address:
a key, a password, a header for that address. Anywhere else it might be shown, compared or logged. The config is judged
with marks in place of the secrets, before any of them is filled in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gecholog import secret_hosts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gecholog.positions import Path
    from gecholog.schema import Violation

# Characters for private use, which no header and no address has.
_BEGIN, _END = "\U000f5ec0", "\U000f5ec1"
_MARK = re.compile(f"{_BEGIN}([^{_END}]*){_END}")


@dataclass(frozen=True, slots=True)
class SecretPlace:
    """A part of a config whose strings are sent to these addresses (URLs), and nowhere else."""

    path: Path
    addresses: tuple[str, ...]


def mark(name: str) -> str:
    """What stands in place of a secret while its place is judged."""
    return f"{_BEGIN}{name}{_END}"


def violations(value: Any, hosts: Mapping[str, tuple[str, ...]], places: Iterable[SecretPlace]) -> Iterator[Violation]:
    """What is wrong with the places of secrets in a config that has marks. `hosts` are those of each secret.

    A secret that is not in `hosts` is not in the store: it has no value that could be sent.
    """
    known = {place.path: place.addresses for place in places}
    for path, text, is_name in _strings(value, ()):
        for name in _MARK.findall(text):
            if is_name:
                yield path, f"must not have the secret {name} in a name"
            elif (addresses := _addresses(path, known)) is None:
                yield path, f"must not have the secret {name}: it may only be a key, a password or a header for a host"
            elif name in hosts:
                yield from ((path, reason) for one in addresses if (reason := _refused(name, hosts[name], one)))


def _refused(name: str, hosts: tuple[str, ...], address: str) -> str:
    if secret_hosts.allows(hosts, address):
        return ""
    found = secret_hosts.host_of_address(address)
    where = found.shown if found is not None else "an address that is not known"
    return f"would send the secret {name} to {where}; it may be sent to {', '.join(hosts)} only"


def _addresses(path: Path, known: Mapping[Path, tuple[str, ...]]) -> tuple[str, ...] | None:
    """The addresses of the smallest place that a path is in; None if it is in none, or in one without addresses."""
    for length in range(len(path), 0, -1):
        if path[:length] in known:
            return known[path[:length]] or None
    return None


def _strings(value: Any, path: Path) -> Iterator[tuple[Path, str, bool]]:
    """All strings of a value, and all names of fields, with their paths."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield (*path, name), name, True
            yield from _strings(item, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _strings(item, (*path, index))
    elif isinstance(value, str):
        yield path, value, False
