"""healthcheck: exit code 0 if a service is healthy, else 1. Says nothing unless asked.

    healthcheck                whether the whole appliance is healthy
    healthcheck -s gl          whether this service is
    healthcheck -s gl -p       print the SHA-256 of the config file in force
    healthcheck --json         print what is known: state, since when, starts, checksum

A container's HEALTHCHECK calls this every few seconds, so it imports only what it needs.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gecholog import __version__, health, regular_file
from gecholog.recordstatus import RecordStatusFile

if TYPE_CHECKING:
    from collections.abc import Sequence

APPLIANCE = "ginit"  # it decides over all services, and is healthy when they are


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    arguments = _parser().parse_args(argv)
    home = health.home()
    checksum = _in_force(home, arguments.service)
    if arguments.json:
        sys.stdout.write(json.dumps(_report(home, arguments.service, checksum), indent=2) + "\n")
    elif arguments.print and checksum:
        sys.stdout.write(checksum)
    return 0 if checksum else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="healthcheck", description="Tell whether a service is healthy.")
    parser.add_argument("-s", dest="service", metavar="SERVICE", default=APPLIANCE, help="its name (%(default)s: all)")
    parser.add_argument("-p", dest="print", action="store_true", help="print the checksum of the config file in force")
    parser.add_argument("--json", action="store_true", help="print what is known as JSON")
    # the original's flags took one dash as well as two
    parser.add_argument("--version", "-version", action="version", version=__version__)
    return parser


def _in_force(home: Path, service: str) -> str | None:
    """The checksum of the config in force; None if the service is not healthy or not known."""
    return None if "/" in service else health.in_force(service, home)


def _state(home: Path) -> dict[str, Any]:
    """What ginit wrote about the services; nothing if it did not."""
    try:
        state: dict[str, Any] = json.loads(regular_file.read_text(home / "run" / "state.json"))
    except (OSError, ValueError):
        return {}
    return state


def _report(home: Path, service: str, checksum: str | None) -> dict[str, Any]:
    state = _state(home)
    services = {entry["name"]: entry for entry in state.get("services", [])}
    healthy = checksum is not None
    if service == APPLIANCE:
        problems = {"problems": state["problems"]} if state.get("problems") else {}
        return {"healthy": healthy, "checksum": checksum, **problems, "services": list(services.values())}
    known = {name: value for name, value in services.get(service, {}).items() if name != "checksum"}
    return {"name": service, "healthy": healthy, "checksum": checksum} | known | _records(home, service)


def _records(home: Path, service: str) -> dict[str, Any]:
    """What a gateway says of its records; nothing of a service that has none."""
    status = None if "/" in service else RecordStatusFile.of(service, home).read()
    return {} if status is None else {"records": asdict(status)}


if __name__ == "__main__":
    sys.exit(main())
