"""The entry point of the container: prepare, then exec the appliance, or the program that `-c` names.

The flags are those of the original, which people use to start with another config:

    ./entrypoint -t /app/conf/ -s /default-conf/ -f ginit_config.json:gl_config.json -e NATS_TOKEN:GUI_SECRET \
        -c ./ginit:-o:/app/conf/ginit_nogui_config.json
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from gecholog import __version__, logs
from gecholog.errors import ConfigError, GechologError
from gecholog.logs import Log
from services.ginit.config import find_program
from services.ginit.startup import importing, prepare, setup, shipped, upgrade

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

log = Log("entrypoint")


def main(argv: Sequence[str] | None = None) -> int:
    """Prepare, then exec the appliance or the program that `-c` names; returns an exit code only if that fails."""
    arguments = _parser().parse_args(argv)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # end without a traceback
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # `foreground` blocked it
    logs.setup("entrypoint")
    try:
        _enter(arguments)
    except GechologError as error:
        return report_failure(error)


def report_failure(error: GechologError) -> int:
    """Report why the appliance does not start, in the log and on standard error; returns the exit code."""
    for reason in error.problems if isinstance(error, ConfigError) else (error,):
        source = f"{error.source}: " if isinstance(error, ConfigError) else ""
        log.error(prepare.CANNOT_START, reason=f"{source}{reason}")
        sys.stderr.write(f"error: {source}{reason}\n")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="entrypoint", description="Prepare and start the appliance.", allow_abbrev=False
    )
    parser.add_argument("-t", metavar="FOLDER", type=Path, help="the config folder (GECHOLOG_HOME/conf)")
    parser.add_argument("-s", metavar="FOLDER", type=Path, help="the folder of the default config files")
    parser.add_argument("-f", metavar="FILE:FILE", help="config files to copy if they are missing (all)")
    secrets = ":".join(prepare.SECRETS)
    parser.add_argument("-e", metavar="NAME:NAME", help=f"variables to set if they are not ({secrets})")
    parser.add_argument(
        "-c", metavar="PROGRAM:ARGUMENT", help="what to start (ginit, with its file in the config folder)"
    )
    parser.add_argument("--version", "-version", action="version", version=__version__)
    return parser


def _enter(arguments: argparse.Namespace) -> NoReturn:
    setup.restrict_umask()
    home = setup.resolve_home()
    log.info("preparing", version=__version__, home=str(home), user=os.geteuid())
    target = arguments.t or home / "conf"
    _ensure_configs(arguments, home, target)
    names = tuple(arguments.e.split(":")) if arguments.e else prepare.SECRETS
    setup.ensure_secrets(home, names)
    if not arguments.c:
        setup.exec_launcher(target / "ginit_config.json", "ginit")
    program, *rest = arguments.c.split(":")
    found = find_program(program)
    if found is None:
        raise prepare.CannotStart(f"there is no program {program}")
    os.execv(found, [str(found), *rest])  # noqa: S606 - the user of the container names the program


def _ensure_configs(arguments: argparse.Namespace, home: Path, target: Path) -> None:
    source = arguments.s if arguments.s and arguments.s.is_dir() else prepare.DEFAULTS
    names = arguments.f.split(":") if arguments.f else sorted(file.name for file in source.iterdir() if file.is_file())
    for message, fields in prepare.copy_defaults(source, target, names):
        _log(message, fields)
    if source.samefile(prepare.DEFAULTS) and not prepare.is_running(home):  # a running appliance uses these files
        versions = shipped.load()
        _import(importing.source_of(home, os.environ), target, names, versions)
        for done, about in upgrade.upgrade(upgrade.pairs(source, target, names, versions)):
            _log(done, about)


def _import(source: Path | None, target: Path, names: Sequence[str], versions: shipped.Versions) -> None:
    if source is None or importing.NAME not in names:
        return
    done = importing.import_config(source, target, prepare.DEFAULTS / importing.NAME, versions[importing.NAME])
    if done is not None:
        _log(*done)


def _log(message: str, fields: Mapping[str, object]) -> None:
    write = log.warning if "reason" in fields else log.info
    write(message, **fields)


if __name__ == "__main__":
    sys.exit(main())
