"""Runs the web interface: `python -m services.gui -o FILE`, in the image `./gui`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from gecholog import health, logs
from gecholog.cli import Program, main
from gecholog.errors import GechologError
from services.gui import admin_account
from services.gui.config import Config, build, config_spec, with_generated
from services.gui.service import READY, Gui
from services.gui.store.database import Database
from services.gui.store.users import ADMIN

_RESET = "--reset-admin"

PROGRAM: Program[Config] = Program(
    "gui", "The web interface: config files, client keys, live calls, users.", config_spec, build, Gui, READY
)


def run(argv: Sequence[str]) -> int:
    """Run the service, or a command; returns the exit code."""
    return _reset(argv) if _RESET in argv else main(PROGRAM, argv)


def _reset(argv: Sequence[str]) -> int:
    """Give the user admin a new password, which is printed."""
    parser = argparse.ArgumentParser(prog="gui", description="Give the user admin a new password.", allow_abbrev=False)
    parser.add_argument(_RESET, action="store_true", required=True)
    parser.parse_args(argv)
    logs.setup("gui", stream=sys.stderr)
    try:
        fresh = _new_password(health.home())
    except (GechologError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(f"user      {ADMIN}\npassword  {fresh}   (to be changed at the first sign-in)\n")
    return 0


def _new_password(home: Path) -> str:
    """Raises GechologError, OSError."""
    given = os.environ.get("GUI_SECRET", "")
    if given and given != with_generated({}, home).get("GUI_SECRET", ""):
        raise admin_account.ManagedByEnvironment(admin_account.MANAGED)
    database = Database(home / "data" / "gui.db")
    database.open_here()
    try:
        fresh = database.run_here(lambda connection: admin_account.reset(connection, time.time()))
    finally:
        database.close_here()
    admin_account.forget_generated(home)
    return fresh


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
