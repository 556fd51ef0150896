"""healthcheck: exits with 0 if a service is healthy, otherwise with 1.

    healthcheck                check the appliance and print a line, and more if config is left out or refused
    healthcheck -s gl          check this service and print nothing
    healthcheck -s gl -p       print the SHA-256 of the config file in force
    healthcheck --json         print the whole status: state, since when, starts, checksum

A container's HEALTHCHECK runs this every few seconds, so it imports only what it needs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gecholog import __version__, health, regular_file
from gecholog.breakerstatus import BreakerStatusFile
from gecholog.health import ChecksumFile
from gecholog.left_out import phrases
from gecholog.recordstatus import RecordStatus, RecordStatusFile
from gecholog.workerstatus import WorkerStatusFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

APPLIANCE = "ginit"  # it manages all services, and is healthy when they are


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    arguments = _parser().parse_args(argv)
    home = health.home()
    service = arguments.service or APPLIANCE
    checksum = _in_force(home, service)
    if arguments.json:
        sys.stdout.write(json.dumps(_report(home, service, checksum), indent=2) + "\n")
    elif arguments.print and checksum:
        sys.stdout.write(checksum)
    elif not (arguments.print or arguments.service):
        _print(_summary(home, _report(home, service, checksum)))
    return 0 if checksum else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="healthcheck",
        description="Check the health of one service or of the whole appliance. Exit code 0: healthy, 1: not.",
    )
    parser.add_argument(
        "-s",
        dest="service",
        metavar="SERVICE",
        help=f"check this service and print nothing ({APPLIANCE}: the appliance)",
    )
    parser.add_argument("-p", dest="print", action="store_true", help="print the SHA-256 of the config file in force")
    parser.add_argument("--json", action="store_true", help="print the whole status as JSON")
    # the original's flags took one dash as well as two
    parser.add_argument("--version", "-version", action="version", version=__version__)
    return parser


def _summary(home: Path, report: dict[str, Any]) -> Iterator[str]:
    """Yield the lines for people about the whole appliance."""
    if report["healthy"]:
        count = len(report["services"])
        off = [entry["name"] for entry in report["services"] if ChecksumFile.of(_alias(entry), home).is_off()]
        about = f": {count} service{'' if count == 1 else 's'}" if count else ""
        yield f"healthy{about}" + (f" (off: {', '.join(off)})" if off else "")
    else:
        unknown = "starting" if report["services"] else f"no appliance is running in {home.absolute()}"
        yield f"unhealthy: {'; '.join(report.get('problems', ())) or unknown}"
    if left_out := "; ".join(phrases(report.get("left_out", ()))):
        yield f"left out: {left_out}"
    if workers := "; ".join(map(_workers_line, report.get("workers", ()))):
        yield f"workers: {workers}"
    if breakers := "; ".join(f"{one['target']} {one['state']} ({one['reason']})" for one in report.get("breakers", ())):
        yield f"circuit breakers: {breakers}"
    if refused := "; ".join(f"{one.get('file')} ({one.get('reason')})" for one in report.get("refused", ())):
        yield f"config refused: {refused}"


def _print(lines: Iterable[str]) -> None:
    """Print lines. A closed standard output must not change the exit code."""
    text = "".join(f"{''.join(sign if sign.isprintable() else ' ' for sign in line)}\n" for line in lines)
    with contextlib.suppress(OSError):
        os.write(1, text.encode("utf-8", "backslashreplace"))


def _in_force(home: Path, service: str) -> str | None:
    """Return the checksum of the config in force. None if the service is unhealthy or unknown."""
    return None if "/" in service else health.in_force(service, home)


def _state(home: Path) -> dict[str, Any]:
    """Return the state that ginit has written, or an empty one."""
    try:
        state = json.loads(regular_file.read_text(home / "run" / "state.json"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _report(home: Path, service: str, checksum: str | None) -> dict[str, Any]:
    """Return the whole status. Lists of problems and skipped entries are present if they are not empty."""
    state = _state(home)
    services = [entry for entry in state.get("services", []) if isinstance(entry, dict)]
    healthy = checksum is not None
    silent = [f"{service} sends no heartbeat"] if not healthy and _is_silent(home, service) else []
    if service == APPLIANCE:
        lists: dict[str, list[Any]] = {
            "problems": silent + _problems(home, state, services),
            "left_out": [one for entry in ({"name": service}, *services) for one in _left_out(home, entry, state)],
            "refused": _refused(state),
            "breakers": [one for entry in services for one in _breakers(home, entry)],
            "workers": [one for entry in services for one in _workers(home, entry)],
        }
        return {"healthy": healthy, "checksum": checksum, **_given(lists), "services": services}
    entry = next((entry for entry in services if entry.get("name") == service), {"name": service})
    lists = {
        "problems": silent,
        "left_out": [] if "/" in service else list(_left_out(home, entry, state)),
        "refused": [one for one in _refused(state) if one.get("service") == service],
        "breakers": list(_breakers(home, entry)),
        "workers": list(_workers(home, entry)),
    }
    known = {name: value for name, value in entry.items() if name != "checksum"}
    return {"name": service, "healthy": healthy, "checksum": checksum} | known | _given(lists) | _records(home, entry)


def _is_silent(home: Path, service: str) -> bool:
    return "/" not in service and health.is_silent(service, home)


def _given(lists: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {name: value for name, value in lists.items() if value}


def _left_out(home: Path, entry: dict[str, Any], state: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the config entries that a service has skipped, with the reason and the name of the service.

    Those of ginit are in its state, because its own report is removed while the appliance is unhealthy.
    """
    name = str(entry.get("name", ""))
    report = ChecksumFile.of(_alias(entry), home).read_report() or {}
    for one in state.get("left_out", []) if name == APPLIANCE else report.get("left_out", []):
        yield {"service": name, **one}


def _refused(state: dict[str, Any]) -> list[dict[str, Any]]:
    """The config files that are not in force as they are now, and why, as ginit wrote them down."""
    refused = state.get("refused")
    return [one for one in refused if isinstance(one, dict)] if isinstance(refused, list) else []


def _alias(entry: dict[str, Any]) -> str:
    """Return the name in the file names of a service, which ginit writes into its state."""
    return str(entry.get("alias", entry.get("name", "")))


def _problems(home: Path, state: dict[str, Any], services: list[dict[str, Any]]) -> list[str]:
    """Return all problems. Those of gateways come from their own files, because ginit cannot write on a full disk."""
    known = {f"records of {entry.get('name')}: ": _record_status(home, entry) for entry in services}
    asked = {begin: status for begin, status in known.items() if status is not None}
    others = [text for text in state.get("problems", ()) if not text.startswith(tuple(asked))]
    return [*others, *(begin + status.reason for begin, status in asked.items() if status.failing)]


def _record_status(home: Path, entry: dict[str, Any]) -> RecordStatus | None:
    """Return the record status of a gateway, or None for other services."""
    alias = _alias(entry)
    return None if "/" in alias else RecordStatusFile.of(alias, home).read()


def _breakers(home: Path, entry: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Yield the circuit breakers of a gateway that are not closed. Those of a gateway that is not healthy are old."""
    alias = _alias(entry)
    if "/" not in alias and health.in_force(alias, home):
        for one in BreakerStatusFile.of(alias, home).read():
            yield {"service": str(entry.get("name", "")), **one.report()}


def _workers(home: Path, entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the workers of a gateway that has several. Those of a gateway that is not healthy may be old."""
    alias = _alias(entry)
    if "/" not in alias and health.in_force(alias, home) and (status := WorkerStatusFile.of(alias, home).read()):
        yield {"service": str(entry.get("name", "")), **asdict(status)}


def _workers_line(one: dict[str, Any]) -> str:
    count = one["restarts"]
    restarts = f", {count} restart{'' if count == 1 else 's'}" if count else ""
    return f"{one['service']} {one['serving']} of {one['workers']} serving{restarts}"


def _records(home: Path, entry: dict[str, Any]) -> dict[str, Any]:
    status = _record_status(home, entry)
    return {} if status is None else {"records": asdict(status)}


if __name__ == "__main__":
    sys.exit(main())
