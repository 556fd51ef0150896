"""ginit as a program: below supervisord it manages the services, anywhere else it starts the appliance."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from gecholog import cli, logs
from gecholog.errors import GechologError
from services.ginit.appliance import Ginit
from services.ginit.config import build, config_spec
from services.ginit.startup import setup
from services.ginit.startup.entrypoint import report_failure
from services.ginit.supervisord import exit_code, parent

PROGRAM = cli.Program(
    name="ginit",
    about="Starts the services of the appliance and manages them. With --validate: checks the config only.",
    config_spec=config_spec,
    build=build,
    make=Ginit,
    ready="all services have been started",
)


def main() -> int:
    """Run the program; returns its exit code."""
    arguments = cli.parse(PROGRAM.name, PROGRAM.about)
    if arguments.only_prints:
        return cli.main(PROGRAM)
    if os.environ.get("SUPERVISOR_PROCESS_NAME") != PROGRAM.name:
        logs.setup(arguments.alias)
        try:
            setup.exec_launcher(arguments.file or Path(), arguments.alias)
        except GechologError as error:
            return report_failure(error)
    code = 1
    try:
        code = cli.main(PROGRAM)
    finally:
        if code:  # its config is not valid, or something unexpected has happened: the appliance cannot go on without it
            exit_code.decide(code)
            parent.terminate()
    return code


if __name__ == "__main__":
    sys.exit(main())
