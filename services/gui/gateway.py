"""Where the gateway listens, as its config says.

Clients' keys go there, and editors may change that config. So only addresses of this machine count.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gecholog import config
from gecholog.errors import ConfigError

_PORT = 5380
_LOOPBACK = "127.0.0.1"
_LOOPBACK_OF = {"": _LOOPBACK, "0.0.0.0": _LOOPBACK, "::": "::1"}  # noqa: S104 - only compared


@dataclass(frozen=True, slots=True)
class Gateway:
    """The address of the gateway: `host` is the one to connect to from this machine."""

    scheme: str
    host: str
    port: int

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class _Known:
    stamp: tuple[int, int, int]
    environ: Mapping[str, str]
    gateway: Gateway


_known: dict[Path, _Known] = {}


def of_config(file: Path, environ: Mapping[str, str]) -> Gateway:
    """The gateway of a config file of gl; what the file does not say, or says wrongly, is as shipped.

    The result is kept for as long as the file stays the same. It may take a look-up of a name: call it in a thread.
    """
    try:
        status = file.stat()
    except OSError:
        return _read(file, environ)
    stamp, known = (status.st_mtime_ns, status.st_size, status.st_ino), _known.get(file)
    if known is None or known.stamp != stamp or known.environ is not environ:
        known = _known[file] = _Known(stamp, environ, _read(file, environ))
    return known.gateway


def _read(file: Path, environ: Mapping[str, str]) -> Gateway:
    try:
        values = config.peek(config.read(file), str(file), environ)
    except ConfigError:
        values = {}
    values = values if isinstance(values, dict) else {}
    port, host = values.get("gl_port"), values.get("gl_host")
    tls = values.get("tls")
    ingress = tls.get("ingress") if isinstance(tls, dict) else None
    is_tls = isinstance(ingress, dict) and ingress.get("enabled") is True
    return Gateway(
        "https" if is_tls else "http",
        _own_address(host) if isinstance(host, str) else _LOOPBACK,
        port if isinstance(port, int) else _PORT,
    )


def _own_address(host: str) -> str:
    """The address to connect to for a host that a service of this machine listens on; loopback for all others."""
    if host in _LOOPBACK_OF:
        return _LOOPBACK_OF[host]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        try:
            probe.bind((host, 0))  # as the gateway does; the kernel takes addresses of this machine only
        except (OSError, TypeError, ValueError):
            return _LOOPBACK
        found = str(probe.getsockname()[0])
    return _LOOPBACK_OF.get(found, found)
