"""The ports that the appliance is going to listen on. One that is in use is found before anything starts."""

from __future__ import annotations

import errno
import json
import re
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gecholog import regular_file
from gecholog.environment import fill

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from services.ginit.config import Definition

# where the configs of our services name it; what a number in the config of another program means is not known
_FIELDS = {"gl": "gl_port", "dummy": "port", "gui": "gui_port"}
_COMMENT = re.compile(r"(#|//).*")
_NATS_PORT = re.compile(r"(?:^|[\s{,;])\"?(?:port|http_port|https_port)\"?\s*[:=\s]\s*(?P<port>\d+)", re.MULTILINE)
_NATS_LISTEN = re.compile(
    r"(?:^|[\s{,;])\"?(?:listen|http|https)\"?\s*[:=\s]\s*\"?(?:[\w.\[\]:-]*:)?(?P<port>\d+)\b", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Port:
    """A port, the service that is going to listen on it, and its config file."""

    number: int
    service: str
    file: Path


def wanted(services: Iterable[Definition], environ: Mapping[str, str]) -> list[Port]:
    """The ports of these services, as far as their config files can be read."""
    ports = []
    for service in services:
        try:
            text = regular_file.read_text(service.configuration_file, "utf-8-sig")
        except (OSError, UnicodeDecodeError):
            continue
        numbers = _of_nats_server(text) if service.is_nats_server else _of_ours(service, text, environ)
        ports += [Port(number, service.name, service.configuration_file) for number in numbers]
    return ports


def shared(found: Iterable[Port]) -> list[tuple[Port, Port]]:
    """Ports that two services are going to listen on, each with the service that has it first."""
    first: dict[int, Port] = {}
    return [(owner, port) for port in found if (owner := first.setdefault(port.number, port)).service != port.service]


def _of_nats_server(text: str) -> list[int]:
    plain = "\n".join(_COMMENT.sub("", line) for line in text.splitlines())
    found = [match["port"] for pattern in (_NATS_PORT, _NATS_LISTEN) for match in pattern.finditer(plain)]
    return [int(number) for number in found] or [4222]


def _of_ours(service: Definition, text: str, environ: Mapping[str, str]) -> list[int]:
    name = _FIELDS.get(service.program.name)
    if name is None:
        return []
    try:
        values = json.loads(fill(text, environ).text)
        return [values[name]] if isinstance(values[name], int) else []
    except (ValueError, LookupError, TypeError):
        return []  # its validation reports what is wrong


def is_taken(port: int) -> bool:
    """Whether a program listens on the port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that have just ended do not count
        try:
            probe.bind(("", port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
        except OverflowError:
            return False
    return False
