"""How the config files of a home differ from those that this version ships: `make config-diff`, `./config-diff`.

Prints the differences of each file: `-` is yours, `+` is what the shipped file has. JSON is compared field by field
(`json_diff`), other files line by line without their indentation. Variables are not filled in, and secrets are masked
(`masked`).
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING

from gecholog import __version__, health, logs, regular_file
from services.ginit.printable import printable
from services.ginit.startup.fields import unfilled
from services.ginit.startup.json_diff import differences
from services.ginit.startup.masked import Known, masked, masked_line
from services.ginit.startup.prepare import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CONTEXT = 3  # lines


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code, which is 0 even if files differ."""
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
        sys.stdout.write("\n".join(lines or [f"The config files in {target} do not differ from the shipped ones."]))
        sys.stdout.write("\n")
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
        lines = compared(yours.name, present.decode("utf-8-sig"), default.decode())
    except (ValueError, RecursionError):
        yield f"{yours}: is not {'JSON' if yours.suffix == '.json' else 'UTF-8'}, and so cannot be compared"
        return
    if not lines:
        yield f"{yours}: differs from the shipped file in its layout only, or in what is masked"
        return
    yield f"--- {yours} (yours)"
    yield f"+++ {shipped.name} (shipped)"
    yield from lines


def compared(name: str, yours: str, shipped: str) -> list[str]:
    """The differences of two texts of a config file of this name. Raises ValueError, RecursionError: not JSON."""
    if name.endswith(".json"):
        default = unfilled(shipped)
        ours = masked(unfilled(yours), Known.of(default))
        return [line for found in differences(ours, default) for line in found.lines()]
    theirs = shipped.splitlines()
    known = frozenset(line.strip() for line in theirs)
    return list(_line_diff([_shown(line.expandtabs(4), known) for line in yours.splitlines()], theirs))


def _shown(line: str, known: frozenset[str]) -> str:
    """A line without secrets, with the indentation that it had."""
    return " " * (len(line) - len(line.lstrip())) + printable(masked_line(line.strip(), known))


def _line_diff(ours: Sequence[str], theirs: Sequence[str]) -> Iterator[str]:
    """A unified diff, in which lines that differ in their indentation only are the same."""
    matcher = SequenceMatcher(None, [line.strip() for line in ours], [line.strip() for line in theirs], autojunk=False)
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        yield f"@@ line {group[0][1] + 1} @@"
        for tag, start, end, their_start, their_end in group:
            if tag == "equal":
                yield from (f"  {line}" for line in ours[start:end])
            else:
                yield from (f"- {line}" for line in ours[start:end])
                yield from (f"+ {line}" for line in theirs[their_start:their_end])


if __name__ == "__main__":
    sys.exit(main())
