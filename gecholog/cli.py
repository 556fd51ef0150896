"""The command line that all services share: `-o FILE -a ALIAS --validate --json --schema --healthcheck --version`."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from gecholog import __version__, config, finding, health, logs, regular_file, schema_export, service
from gecholog.config import ConfigSpec, ParsedConfig
from gecholog.errors import ConfigError, Problem
from gecholog.health import ChecksumFile
from gecholog.logs import Log

C = TypeVar("C")

log = Log("config")


@dataclass(frozen=True)
class Program(Generic[C]):
    """A service as a program. `build` turns a parsed config into its own (it may raise ConfigError)."""

    name: str
    about: str
    config_spec: Callable[[], ConfigSpec]
    build: Callable[[ParsedConfig], C]
    make: Callable[[C, str], service.Service[C]]
    ready: str = "listening for messages"


@dataclass(frozen=True, slots=True)
class Arguments:
    """The parsed command line.

    `file` is None if the config comes from standard input. `in_force` is the file of the config in force, if the new
    config is to be validated as a reload. `as_json`: the result of the validation is printed as JSON. `schema`: only
    the schema of the config is printed.
    """

    file: Path | None
    alias: str
    validate: bool
    in_force: Path | None = None
    as_json: bool = False
    schema: bool = False

    @property
    def only_prints(self) -> bool:
        """Whether the program prints something and exits, instead of serving."""
        return self.validate or self.schema


def main(program: Program[C], argv: Sequence[str] | None = None) -> int:
    """Run a program and return its exit code: 0 for success, 1 for failure, 2 for an invalid command line."""
    arguments = parse(program.name, program.about, argv)
    if arguments.schema:
        _print_json(schema_export.exported(program.config_spec().schema), indent=2)
        return 0
    logs.setup(arguments.alias)
    try:
        return _run(program, arguments)
    finally:
        logs.finish()


def _run(program: Program[C], arguments: Arguments) -> int:
    spec = program.config_spec()
    try:
        parsed = _checked(arguments, spec)
        built = program.build(parsed)
        if arguments.in_force is not None:
            file = arguments.in_force
            config.refuse_losses(parsed, config.in_force(config.read(file), str(file), spec))
    except ConfigError as error:
        _tell_invalid(error, as_json=arguments.as_json)
        return 1
    if arguments.as_json:
        found = finding.findings((), parsed.warnings)
        _print_json(finding.report(parsed.source, parsed.sha256, found, parsed.left_out, parsed.not_set))
        return 0
    _report("warning", parsed.source, parsed.warnings)
    _tell_not_set(parsed)
    if arguments.validate:
        _say_valid(parsed)
        return 0
    logs.set_level(parsed.values["log_level"])
    log.info("starting", version=__version__, file=parsed.source, sha256=parsed.sha256)

    def reread(in_force: ParsedConfig) -> service.Reading[C]:
        fresh = _checked(arguments, spec)
        config.refuse_losses(fresh, in_force.in_force)
        made = program.build(fresh)
        _report("warning", fresh.source, fresh.new_warnings(in_force))
        if fresh.not_set != in_force.not_set:
            _tell_not_set(fresh)
        return service.Reading(made, fresh)

    try:
        made = program.make(built, arguments.alias)
    except OSError as error:
        log.error("cannot go on", reason=str(error))
        return 1
    return service.run(made, reread, parsed, ChecksumFile.of(arguments.alias), program.ready)


def _checked(arguments: Arguments, spec: ConfigSpec) -> ParsedConfig:
    data, source = _read(arguments)
    return config.check(data, source, spec, folder=_folder(arguments))


def _folder(arguments: Arguments) -> Path | None:
    """The folder with the other services' config files. None for a copy that the appliance keeps, below `run`."""
    if arguments.file is None:
        return None
    folder, home = arguments.file.absolute().parent, health.home().absolute()
    return home / "conf" if folder.is_relative_to(home / "run") else folder


def parse(name: str, about: str, argv: Sequence[str] | None = None) -> Arguments:
    """Read a command line.

    Exits the process for `--help`, `--version` and `--healthcheck`, and for an invalid command line.
    """
    parser = argparse.ArgumentParser(prog=name, description=about, allow_abbrev=False)
    parser.add_argument("-o", metavar="FILE", type=Path, help="config file")
    parser.add_argument("-a", metavar="ALIAS", default=name, help="name in logs and in the checksum file (%(default)s)")
    # the flags of the original could be written with one dash or two
    parser.add_argument(
        "--validate",
        "-validate",
        action="store_true",
        help="check the config and exit; reads standard input without -o",
    )
    parser.add_argument(
        "--in-force",
        metavar="FILE",
        type=Path,
        help="with --validate: the config in force; refuse a config that would lose an entry of it by a wrong value",
    )
    parser.add_argument("--json", action="store_true", help="with --validate: print the findings as one JSON object")
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema of the config file and exit")
    parser.add_argument("--version", "-version", action="version", version=__version__)
    parser.add_argument("--healthcheck", action="store_true", help="exit with 0 if ALIAS is serving here, else with 1")
    parsed = parser.parse_args(argv)
    if parsed.healthcheck:
        parser.exit(0 if health.in_force(parsed.a) else 1)
    if parsed.o is None and not (parsed.validate or parsed.schema):
        parser.error("a config file is needed: -o FILE")
    if parsed.in_force is not None and not parsed.validate:
        parser.error("--in-force is for --validate")
    if parsed.json and not parsed.validate:
        parser.error("--json is for --validate")
    return Arguments(parsed.o, parsed.a, parsed.validate, parsed.in_force, parsed.json, parsed.schema)


def _read(arguments: Arguments) -> tuple[bytes, str]:
    if arguments.file is None:
        return _standard_input(), "standard input"
    return config.read(arguments.file), str(arguments.file)


def _standard_input() -> bytes:
    """Read standard input to its end. Raises ConfigError if it is larger than a config file may be."""
    if not sys.stdin:  # None: the process was started with its standard input closed
        return b""
    data = sys.stdin.buffer.read(regular_file.LARGEST + 1)
    if len(data) > regular_file.LARGEST:
        raise ConfigError("standard input", [Problem("", "is larger than 16 MiB")])
    return data


def _tell_invalid(error: ConfigError, *, as_json: bool) -> None:
    if as_json:
        _print_json(finding.report(error.source, None, finding.findings(error.problems, error.warnings)))
        return
    _report("warning", error.source, error.warnings)
    _report("error", error.source, error.problems)


def _report(kind: str, source: str, problems: Sequence[Problem]) -> None:
    """Report problems: as text on a terminal, otherwise in the log. `kind` is `error` or `warning`."""
    write = log.error if kind == "error" else log.warning
    for problem in problems:
        if _is_terminal():
            _print(f"{kind}: {source}: {problem}")
        else:
            write(f"config {kind}", file=source, **problem.fields)


def _tell_not_set(parsed: ParsedConfig) -> None:
    """Log one line for all entries that are left out because their optional variables are not set."""
    if parsed.not_set:
        entries = ", ".join(f"{one.entry.shown} ({one.reason})" for one in parsed.not_set)
        log.info("left out, because their variables are not set", entries=entries)


def _say_valid(parsed: ParsedConfig) -> None:
    if _is_terminal():
        _print(f"{parsed.source} is valid")
    else:
        log.info("config is valid", file=parsed.source, sha256=parsed.sha256)


def _is_terminal() -> bool:
    return bool(sys.stdout) and sys.stdout.isatty()  # None: the process was started with it closed


def _print_json(value: dict[str, Any], indent: int | None = None) -> None:
    _print(json.dumps(value, indent=indent))


def _print(text: str) -> None:
    with contextlib.suppress(OSError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
