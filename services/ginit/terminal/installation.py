"""What the terminal needs to know from the configs of a home folder: ports, and gl's bus and routers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gecholog import config
from gecholog.errors import ConfigError
from gecholog.health import ChecksumFile
from services.ginit.config import build, config_spec
from services.ginit.startup import first_key, ports, shipped, upgrade
from services.ginit.startup.prepare import DEFAULTS
from services.ginit.terminal import gateway_summary

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from services.ginit.config import Definition
    from services.ginit.startup.ports import Port
    from services.ginit.terminal.gateway_summary import GatewaySummary


SERVING = frozenset({"healthy", "reloading"})
"""The states of a service that serves."""


@dataclass(frozen=True)
class Installation:
    """The configs of a home folder. Each is read when it is first needed, because the first start creates them."""

    home: Path
    environ: Mapping[str, str]

    @cached_property
    def ports(self) -> dict[str, int]:
        """The port of each service that has one, by name; if it has several, the first in its config."""
        return {name: port.number for name, port in self._ports.items()}

    def taken_port(self, service: Mapping[str, Any]) -> Port | None:
        """The port on which another program listens in place of a service; None if none does.

        `service` is its entry in the state of the appliance. A service that has not ended yet may itself be the one
        that listens.
        """
        port = self._ports.get(service["name"])
        has_ended = service["state"] not in SERVING and service.get("starts", 0) > (service["state"] == "starting")
        return port if port is not None and has_ended and ports.is_taken(port.number) else None

    @cached_property
    def _ports(self) -> dict[str, Port]:
        return {port.service: port for port in reversed(ports.wanted(self._services, self.environ))}

    @cached_property
    def gateway(self) -> GatewaySummary | None:
        """The config of gl; None if there is no gl, or its config cannot be read."""
        files = [service.configuration_file for service in self._services if service.program.name == "gl"]
        return gateway_summary.read(files[0], self.environ, self.home / "secrets") if files else None

    @property
    def first_key(self) -> Path | None:
        """The file with the client key that the first start has made; None without it, or if keys are not used."""
        file = first_key.file_in(self.home)
        files = [service.configuration_file for service in self._services if service.program.name == "gl"]
        return file if file.exists() and any(map(first_key.asks_for_keys, files)) else None

    def reports(self) -> list[dict[str, Any]]:
        """The reports of the healthy services that have left out config entries."""
        found = (ChecksumFile.of(service.alias, self.home).read_report() for service in self._services)
        return [report for report in found if report is not None and report.get("left_out")]

    def is_off(self, name: str) -> bool:
        """Whether a healthy service reports that it has nothing to do."""
        return any(
            ChecksumFile.of(service.alias, self.home).is_off() for service in self._services if service.name == name
        )

    def new_fields(self) -> list[tuple[str, list[str]]]:
        """The config files that the user has edited, each with the fields that the shipped one has gained."""
        versions = shipped.load()
        found = upgrade.pairs(DEFAULTS, self.home / "conf", versions, versions)
        return [(pair.file.name, new) for pair in found if (new := pair.new)]

    @cached_property
    def _services(self) -> tuple[Definition, ...]:
        file = self.home / "conf" / "ginit_config.json"
        try:
            checked = config.check(
                config.read(file), str(file), config_spec(), {**self.environ, "GECHOLOG_HOME": str(self.home)}
            )
        except ConfigError:
            return ()
        return build(checked).services
