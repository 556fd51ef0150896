"""Where the gateway listens, as its config says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gecholog import config
from gecholog.errors import ConfigError

_PORT = 5380
_EVERY_ADDRESS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - only compared


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


def of_config(file: Path, environ: Mapping[str, str]) -> Gateway:
    """The gateway of a config file of gl; what the file does not say, or says wrongly, is as shipped."""
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
        host if isinstance(host, str) and host not in _EVERY_ADDRESS else "127.0.0.1",
        port if isinstance(port, int) else _PORT,
    )
