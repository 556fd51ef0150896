"""The config of the web interface as frozen objects, and the rules that its schema cannot express."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from gecholog import bus_section, health, logs, regular_file, schema
from gecholog.bus_address import BusAddress, named_servers
from gecholog.bus_storage import BusStorage
from gecholog.config import ConfigSpec, ParsedConfig
from gecholog.schema import Violation
from gecholog.tls import ingress_context
from services.gui.access.client_address import Network
from services.gui.store.sessions import Lifetime
from services.gui.time_zone import is_time_zone

APPLICATIONS = ("gl", "nats2log", "nats2file")
"""The sections that name the config file of a service, which the interface edits."""

_TOKEN, _SECRET = "NATS_TOKEN", "GUI_SECRET"


@dataclass(frozen=True, slots=True)
class Application:
    """A service whose config file the interface edits. Paths are absolute; `executable` is as the config says.

    `section` is the name in gui_config.json and in addresses, `name` that in ginit_config.json.
    """

    section: str
    name: str
    production_file: Path
    checksum_file: Path
    template_file: Path
    executable: str
    config_command: str
    validate_command: str
    additional_arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tls:
    """The files of the certificate that browsers are shown."""

    certificate_file: str
    private_key_file: str


@dataclass(frozen=True, slots=True)
class Config:
    """The content of gui_config.json."""

    secret: str = field(repr=False)
    host: str
    port: int
    bus: BusAddress
    storage: BusStorage
    record_topic: str
    audit_topic: str
    lifetime: Lifetime
    attempts_limit: int
    lock_s: float
    working_directory: Path
    archive_directory: Path
    applications: Mapping[str, Application]
    time_zone: str = ""
    tls: Tls | None = None
    trusted_proxies: tuple[Network, ...] = ()
    metrics_public: bool = False

    @property
    def listener(self) -> tuple[str, int, Tls | None]:
        """What another value of needs another socket."""
        return self.host, self.port, self.tls


def config_spec() -> ConfigSpec:
    """The schema and the rules of gui_config.json."""
    loaded = schema.load(Path(__file__).with_name("gui_config.schema.json"))
    return ConfigSpec(loaded, (bus_section.rules, _hostname, _proxies, _certificate, _time_zone))


def _hostname(values: dict[str, Any]) -> Iterator[Violation]:
    """The original takes no scheme here; encryption is a matter of `service_bus.tls`."""
    section = values.get("service_bus", {})
    for index, text in named_servers(section) if "hostname" in section else ():
        if "://" in text:
            path = ("service_bus", "hostname")
            yield path if index is None else (*path, index), "must be host:port without a scheme"


def _proxies(values: dict[str, Any]) -> Iterator[Violation]:
    for index, text in enumerate(values.get("trusted_proxies", ())):
        try:
            ip_network(text)
        except ValueError:
            yield ("trusted_proxies", index), "must be an address or a network such as 10.0.0.0/8"


def _certificate(values: dict[str, Any]) -> Iterator[Violation]:
    """Certificate files have to be named; whether they can be used shows when the port is opened."""
    ingress = values.get("tls", {}).get("ingress", {})
    for name in ("certificate_file", "private_key_file"):
        if ingress.get("enabled") and not ingress.get(name):
            yield ("tls", "ingress", name), "must be set, because TLS is enabled"


def _time_zone(values: dict[str, Any]) -> Iterator[Violation]:
    if (name := values.get("time_zone")) and not is_time_zone(name):
        yield ("time_zone",), "must be a name such as UTC or Europe/Stockholm"


def build(parsed: ParsedConfig) -> Config:
    """The config of the service."""
    values, home = parsed.values, health.home()
    bus = values["service_bus"]
    address = BusAddress.of_section(bus)
    logs.protect((values["secret"], *address.credentials.secrets))
    return Config(
        secret=values["secret"],
        host=values.get("gui_host", ""),
        port=int(values["gui_port"]),
        bus=address,
        storage=BusStorage.of_section(bus),
        record_topic=bus["topic_exact_logger"],
        audit_topic=bus.get("topic_audit", "coburn.gl.audit"),
        lifetime=Lifetime(values.get("session_idle_seconds", 600), values.get("session_absolute_seconds", 43_200)),
        attempts_limit=values.get("failed_authentication_limit", 0),
        lock_s=values.get("lock_seconds", 60),
        working_directory=resolved(values["working_directory"], home),
        archive_directory=resolved(values["archive_directory"], home),
        applications={name: _application(name, values[name], home) for name in APPLICATIONS},
        time_zone=values.get("time_zone", ""),
        tls=_tls(values.get("tls", {}).get("ingress", {})),
        trusted_proxies=tuple(ip_network(text) for text in values.get("trusted_proxies", ())),
        metrics_public=values.get("metrics_public", False),
    )


def _tls(ingress: Mapping[str, Any]) -> Tls | None:
    return Tls(ingress["certificate_file"], ingress["private_key_file"]) if ingress.get("enabled") else None


def check_certificate(tls: Tls | None) -> None:
    """Raise OSError if the certificate cannot be used."""
    if tls is not None:
        ingress_context(tls.certificate_file, tls.private_key_file)


def _application(section: str, values: Mapping[str, Any], home: Path) -> Application:
    return Application(
        section=section,
        name=values["name"],
        production_file=resolved(values["production_file"], home),
        checksum_file=resolved(values["production_checksum_file"], home),
        template_file=resolved(values["template_file"], home),
        executable=values["validation_executable"],
        config_command=values["config_command"],
        validate_command=values["validate_command"],
        additional_arguments=tuple(values.get("additional_arguments", ())),
    )


def resolved(text: str, home: Path) -> Path:
    """An absolute path. A relative one is below the working folder, as in the original.

    Original files say `app/…`, which is below `/` in their container: what is not there is taken from the home folder.
    """
    path = Path(text)
    here = path.absolute()
    if path.is_absolute() or here.exists() or not path.parts or path.parts[0] != "app":
        return here
    return home.absolute().joinpath(*path.parts[1:])


def with_generated(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """The environment, with the secrets that the first start has generated, as far as they are not set.

    For commands: the service itself is given them by the entry point.
    """
    found = {}
    for name in (_TOKEN, _SECRET):
        if not environ.get(name):
            try:
                found[name] = regular_file.read_text(home / "secrets" / name, "ascii").strip()
            except (OSError, UnicodeDecodeError):
                continue
    return {**environ, "GECHOLOG_HOME": os.fspath(home), **found}
