"""How the config files of a home differ from those that this version ships: `make config-diff`, `./config-diff`.

Prints a unified diff of each file that differs, yours first: `+` is what the shipped file has. JSON is compared by its
values, in the layout of one value a line. Variables are not filled in, and secrets are masked (`masked`).
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gecholog import __version__, health, logs, regular_file
from services.ginit.printable import printable
from services.ginit.startup.fields import unfilled
from services.ginit.startup.masked import Known, masked, masked_line
from services.ginit.startup.prepare import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CONTEXT = 3  # lines


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code, 0 also if files differ."""
    parser = argparse.ArgumentParser(
        prog="config-diff", description="Show how config files differ from those that are shipped.", allow_abbrev=False
    )
    parser.add_argument("-t", metavar="FOLDER", type=Path, help="the config folder (GECHOLOG_HOME/conf)")
    parser.add_argument("file", metavar="FILE", nargs="*", help="names of config files (all)")
    parser.add_argument("--version", "-version", action="version", version=__version__)
    arguments = parser.parse_args(argv)
    target = arguments.t or health.home() / "conf"
    known = sorted(file.name for file in DEFAULTS.iterdir() if file.is_file())
    if unknown := [name for name in arguments.file if name not in known]:
        parser.error(f"no file {unknown[0]} is shipped, but {', '.join(known)}")
    lines = [line for name in arguments.file or known for line in difference(target / name, DEFAULTS / name)]
    with contextlib.suppress(BrokenPipeError):  # `| head`
        sys.stdout.write(
            "\n".join(lines or [f"The config files in {target} do not differ from the shipped ones."]) + "\n"
        )
        sys.stdout.flush()
    logs.finish()
    return 0


def difference(yours: Path, shipped: Path) -> Iterator[str]:
    """The lines to print for a file; none if it is as shipped."""
    try:
        present = regular_file.read_bytes(yours)
    except OSError as error:
        yield f"{yours}: {regular_file.reason(error)}"
        return
    default = shipped.read_bytes()
    if present == default:
        return
    try:
        lines = list(compared(yours.name, present.decode("utf-8-sig"), default.decode()))
    except (ValueError, RecursionError):
        yield f"{yours}: is not {'JSON' if yours.suffix == '.json' else 'UTF-8'}, and so cannot be compared"
        return
    if not lines:
        yield f"{yours}: differs from the shipped file in its layout only, or in what is masked"
        return
    yield f"--- {yours} (yours)"
    yield f"+++ {shipped.name} (shipped)"
    yield from lines[2:]


def compared(name: str, yours: str, shipped: str) -> list[str]:
    """The unified diff of two texts of a config file of this name. Raises ValueError, RecursionError: not JSON."""
    if name.endswith(".json"):
        default = unfilled(shipped)
        ours, theirs = _lines(masked(unfilled(yours), Known.of(default))), _lines(default)
    else:
        theirs = shipped.splitlines()
        ours = [printable(masked_line(line, frozenset(theirs))) for line in yours.splitlines()]
    return list(difflib.unified_diff(ours, theirs, n=_CONTEXT, lineterm=""))


def _lines(value: object) -> list[str]:
    return json.dumps(value, indent=2).splitlines()


if __name__ == "__main__":
    sys.exit(main())
