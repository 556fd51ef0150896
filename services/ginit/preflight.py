"""Validates all config files of a home with this version, before it replaces another one: `./preflight`.

It starts nothing, and changes no config. Each file is checked by the program of its service, as at a start.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gecholog import __version__, config, logs
from gecholog.errors import ConfigError, GechologError
from services.ginit.config import build, config_spec
from services.ginit.lines import json_fields
from services.ginit.printable import printable
from services.ginit.startup import setup
from services.ginit.validation import validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.ginit.config import Definition


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns 0 if all files are valid, else 1."""
    parser = argparse.ArgumentParser(
        prog="preflight", description="Validate all config files with this version.", allow_abbrev=False
    )
    parser.add_argument("-o", metavar="FILE", type=Path, help="ginit's config (GECHOLOG_HOME/conf/ginit_config.json)")
    parser.add_argument("--version", "-version", action="version", version=__version__)
    arguments = parser.parse_args(argv)
    logs.setup("preflight")
    logs.set_level("WARN")
    try:
        home = setup.resolve_home()
        setup.ensure_secrets(home)
        setup.set_bus_variables(home)
        file = arguments.o or home / "conf" / "ginit_config.json"
        services = build(config.check(config.read(file), str(file), config_spec())).services
    except ConfigError as error:
        _say(f"invalid: {error.source}: {error.summary}")
        return 1
    except GechologError as error:
        _say(f"invalid: {error}")
        return 1
    finally:
        logs.finish()
    refused = asyncio.run(_refused(services))
    for line in refused:
        _say(line)
    _say(f"preflight of {__version__}: {len(services)} services, {len(refused)} refused")
    return 1 if refused else 0


async def _refused(services: Sequence[Definition]) -> list[str]:
    """A line for each config file that its service refuses."""
    results = await asyncio.gather(*(validate(service, service.configuration_file) for service in services))
    return [
        f"invalid: {service.configuration_file}: {'; '.join(map(_reason, result.problems)) or 'refused'}"
        for service, result in zip(services, results, strict=True)
        if not result.valid
    ]


def _reason(line: bytes) -> str:
    """A line of a validation for people: where, and why."""
    fields = json_fields(line)
    if "rule" not in fields:
        return line.decode("utf-8", "replace")
    place = f"{fields.get('path', '')} (line {fields['line']})" if fields.get("line") else str(fields.get("path", ""))
    return f"{place}: {fields['rule']}"


def _say(line: str) -> None:
    sys.stdout.write(printable(line) + "\n")


if __name__ == "__main__":
    sys.exit(main())
