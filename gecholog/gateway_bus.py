"""Finds the bus that the config of gl names, for commands and for the web interface."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from gecholog import config, regular_file
from gecholog.bus_address import BusAddress
from gecholog.bus_storage import BusStorage
from gecholog.errors import ConfigError, Problem

_TOKEN = "NATS_TOKEN"  # noqa: S105 - a name


class GatewayBus(NamedTuple):
    """The bus of a gateway, and how it names what it keeps there. Gateways with the same topic share their counts."""

    address: BusAddress
    storage: BusStorage
    topic: str = ""


def of_config(file: Path, home: Path, environ: Mapping[str, str] = os.environ) -> GatewayBus:
    """The bus in a config file of gl. Raises ConfigError.

    A token that was generated at the first start is not in the environment but in the folder `secrets`.
    """
    if not environ.get(_TOKEN):
        environ = {**environ, _TOKEN: _generated(home / "secrets" / _TOKEN)}
    try:
        section = config.peek(config.read(file), str(file), environ)["service_bus"]
        topic = section.get("topic", "")
        return GatewayBus(
            BusAddress.of_section(section), BusStorage.of_section(section), topic if isinstance(topic, str) else ""
        )
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise ConfigError(str(file), [Problem("service_bus", "cannot be read")]) from error


def _generated(file: Path) -> str:
    try:
        return regular_file.read_text(file, "ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
