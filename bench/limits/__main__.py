"""Measures what a client key and limits cost: `python -m bench.limits [--instructions] [--against FOLDER]`.

The same calls go through gl's pipeline without a key, and with a key that has a quota of requests and a budget on a
router that has a limit of concurrency and a budget. The table shows what each costs, and the difference: what checking
the key, reserving and settling cost. Sockets, the upstream and the journal are stand-ins.

The figures are microseconds of CPU in the fastest slice of calls. With `--instructions` they are the instructions of a
call, which valgrind counts: those hardly depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from itertools import chain
from pathlib import Path

from bench.limits.ways import LIMITED, PLAIN, WAYS

_HERE = Path(__file__).resolve().parent
_TREE = _HERE.parent.parent
_CALLS = 50  # of a slice
_COUNTED = 100  # calls of a slice whose instructions are counted
_TOTAL = re.compile(r"^(?:totals|summary): ([0-9]+)", re.MULTILINE)

Figures = dict[str, float]  # by way


def main() -> None:
    """Measure all rounds and print the table."""
    parser = argparse.ArgumentParser(description="Measure what a client key and limits cost.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--instructions", action="store_true", help="count instructions, with valgrind")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout, measured in turn with this")
    options = parser.parse_args()
    trees = [_TREE, *([options.against.resolve()] if options.against else [])]
    measure = _instructions if options.instructions else _microseconds
    rounds = [[measure(tree) for tree in trees] for _ in range(1 if options.instructions else options.rounds)]
    print("\n".join(_table(rounds, "instructions" if options.instructions else "microseconds of CPU")))


def _microseconds(tree: Path) -> Figures:
    done = subprocess.run([*_words(tree), str(_CALLS)], env=_environ(tree), check=True, stdout=subprocess.PIPE)
    figures: Figures = json.loads(done.stdout)
    return figures


def _instructions(tree: Path) -> Figures:
    """The instructions of a call. The marks of the child begin a new profile, which is a file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "profile"
        options = [f"--callgrind-out-file={profile}", "--dump-before=getppid"]
        words = ["valgrind", "--quiet", "--tool=callgrind", *options, *_words(tree), str(_COUNTED), "marked"]
        subprocess.run(words, env=_environ(tree), check=True, stdout=subprocess.PIPE)
        # the first profile ends at the first mark
        totals = [_total(profile.with_name(f"profile.{number}")) for number in range(2, 2 + len(WAYS))]
    return {way: total / _COUNTED for way, total in zip(WAYS, totals, strict=True)}


def _total(profile: Path) -> int:
    found = _TOTAL.search(profile.read_text())
    if found is None:
        raise AssertionError(f"{profile.name} has no total")
    return int(found[1])


def _words(tree: Path) -> list[str]:
    return [sys.executable, "-P", str(_HERE / "child.py"), str(tree / "conf")]


def _environ(tree: Path) -> dict[str, str]:
    # of the two trees, `bench` is always this one: another checkout need not have it
    return {**os.environ, "PYTHONPATH": f"{tree}:{_TREE}", "PYTHONHASHSEED": "0"}


def _table(rounds: list[list[Figures]], unit: str) -> list[str]:
    names = ["here", "against"][: len(rounds[0])]
    lines = ["".join([f"{unit:32}", *(f"{name:>12}" for name in names)])]
    for figures in chain.from_iterable(rounds):
        figures["the difference"] = figures[LIMITED] - figures[PLAIN]
    for name in (*WAYS, "the difference"):
        cells = (statistics.median(figures[name] for figures in each) for each in zip(*rounds, strict=True))
        lines.append("".join([f"{name:32}", *(f"{cell:>12,.1f}" for cell in cells)]))
    return lines


if __name__ == "__main__":
    main()
