"""ginit's config: the services, with their programs and config files."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gecholog import regular_file
from gecholog import schema as schemas
from gecholog.config import ConfigSpec
from gecholog.duplicates import duplicates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gecholog.config import ParsedConfig
    from gecholog.schema import Violation

_HERE = Path(__file__).parent
_PROGRAMS = _HERE.parent / "bin"  # our own, named as those of the original
NATS_SERVER = "nats-server"
HANG_TIMEOUT = 15
"""Seconds without a heartbeat after which a service is killed, unless the config says otherwise."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A service as ginit_config.json defines it; both paths are absolute."""

    name: str
    program: Path
    config_command: str
    configuration_file: Path
    additional_arguments: tuple[str, ...]
    validate_command: str
    healthy_output: str
    watched: bool
    die_promise: bool
    hang_timeout: int = HANG_TIMEOUT  # seconds; 0: it is never killed

    @property
    def slug(self) -> str:
        """The name, escaped for file names and supervisord's files. Different names have different slugs."""
        return re.sub(r"[^A-Za-z0-9_.-]|^\.", lambda match: f"={ord(match[0]):02x}", self.name)

    @property
    def is_nats_server(self) -> bool:
        return self.program.name == NATS_SERVER or str(self.program) == os.environ.get("NATS_SERVER")

    @property
    def is_ours(self) -> bool:
        """Whether its program is one of this project, also by a link."""
        return self.program.resolve().parent == _PROGRAMS.resolve()

    @property
    def command_line(self) -> tuple[object, ...]:
        """What the process is started with. With another one the service needs another process and validation."""
        return self.program, self.config_command, self.configuration_file, self.additional_arguments

    @property
    def alias(self) -> str:
        """The name in the service's checksum file: `-a`, else the name of the program if it is ours, else its own."""
        arguments = self.additional_arguments
        for place, argument in enumerate(arguments):
            if argument.startswith("-a="):
                return argument.removeprefix("-a=")
            if argument == "-a" and place + 1 < len(arguments):
                return arguments[place + 1]
        return self.program.name if (_PROGRAMS / self.program.name).exists() else self.name


@dataclass(frozen=True, slots=True)
class GinitConfig:
    """The config. `max_starts`: 0 means no limit."""

    sha256: str
    max_starts: int
    services: tuple[Definition, ...]
    left_out: tuple[dict[str, Any], ...] = ()  # entries that are not among them, and why, as JSON


def config_spec() -> ConfigSpec:
    """How to check a ginit_config.json."""
    schema = schemas.load(_HERE / "ginit_config.schema.json")
    return ConfigSpec(schema, (_files_exist,), not_skipped=_promise, remaining=(_used_once,))


def _promise(service: Any) -> str:
    """An invalid entry with a die promise makes the file invalid: the appliance must not run without this service."""
    return "die_promise" if isinstance(service, dict) and service.get("die_promise") else ""


def _used_once(value: dict[str, Any]) -> Iterator[Violation]:
    for name in ("name", "configuration_file"):
        used = [(("services", index, name), entry[name]) for index, entry in enumerate(value.get("services", []))]
        yield from duplicates(used, f"two services must not have the same {name}")


def _files_exist(value: dict[str, Any]) -> Iterator[Violation]:
    for index, service in enumerate(value.get("services", [])):
        if service.get("file") and find_program(service["file"]) is None:
            yield ("services", index, "file"), "must be a file that exists"
        if (file := service.get("configuration_file")) and (reason := regular_file.why_not(file)):
            yield ("services", index, "configuration_file"), f"must be a file that exists; it {reason}"


def find_program(file: str) -> Path | None:
    """The absolute path of a program that the config names; None if it does not exist.

    A relative path is looked up in the working directory, then beside this package. nats-server comes from the variable
    NATS_SERVER if it is set, and is also looked up beside Python, where its wheel puts it.
    """
    candidates = [Path(file), _PROGRAMS / file]
    if Path(file).name == NATS_SERVER:
        candidates.append(Path(sys.executable).with_name(NATS_SERVER))
        if named := os.environ.get("NATS_SERVER"):
            candidates = [Path(named)]
    # absolute, but not resolved: a program may depend on the name of the link
    return next((Path(os.path.abspath(path)) for path in candidates if path.is_file()), None)  # noqa: PTH100


def build(parsed: ParsedConfig) -> GinitConfig:
    """The config of the service."""
    values = parsed.values
    usual = values.get("hang_timeout_seconds", HANG_TIMEOUT)
    return GinitConfig(
        sha256=parsed.sha256,
        max_starts=values.get("max_starts", 0),
        services=tuple(_definition(service, usual) for service in values["services"]),
        left_out=tuple(one.report for one in parsed.left_out),
    )


def _definition(service: dict[str, Any], hang_timeout: int) -> Definition:
    return Definition(
        name=service["name"],
        program=find_program(service["file"]) or Path(service["file"]),
        config_command=service["config_command"],
        configuration_file=Path(service["configuration_file"]).absolute(),
        additional_arguments=tuple(service.get("additional_arguments", ())),
        validate_command=service["validate_command"],
        healthy_output=service["healthy_output"],
        watched=not service.get("disable_config_file_monitoring", False),
        die_promise=service.get("die_promise", False),
        hang_timeout=service.get("hang_timeout_seconds", hang_timeout),
    )
