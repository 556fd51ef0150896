"""Measures what the record of a call costs: `python -m bench.record [--rounds 9] [--against FOLDER]`.

Calls go through gl's pipeline with the default config and without sockets: the bus, the upstream, the client and the
journal are stand-ins. The table shows the CPU time of a whole call, and of writing its record before the reply and
after it. A round takes the fastest of many slices; the table has the median of the rounds, the lowest and the highest.

`--against` measures another checkout in turn with this one, on this environment's packages, and adds the ratio of each
round. The other checkout must have the same names inside gl.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_TREE = _HERE.parent.parent

Figures = dict[str, float]  # microseconds by what was measured


def main() -> None:
    """Measure all rounds and print the table."""
    parser = argparse.ArgumentParser(description="Measure what the record of a call costs.")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout, measured in turn with this")
    options = parser.parse_args()
    trees = [_TREE, *([options.against.resolve()] if options.against else [])]
    rounds: list[list[Figures]] = []
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        rounds.append([_measure(tree) for tree in trees])
    print("\n".join(_table(rounds)))


def _measure(tree: Path) -> Figures:
    """Measure a checkout in a process of its own."""
    words = [sys.executable, "-P", str(_HERE / "child.py"), str(tree / "conf")]
    done = subprocess.run(words, env={**os.environ, "PYTHONPATH": str(tree)}, check=True, stdout=subprocess.PIPE)
    figures: Figures = json.loads(done.stdout)
    return figures


def _table(rounds: list[list[Figures]]) -> list[str]:
    names = ["here", "against", "ratio"][: 1 if len(rounds[0]) == 1 else 3]
    lines = ["".join([f"{'microseconds of CPU':32}", *(f"{name:>24}" for name in names)])]
    for part in rounds[0][0]:
        columns = [[figures[part] for figures in each] for each in zip(*rounds, strict=True)]
        cells = [_spread(column, 1) for column in columns]
        if len(columns) > 1:
            cells.append(_spread([here / against for here, against in zip(*columns, strict=True)], 3))
        lines.append("".join([f"{part:32}", *(f"{cell:>24}" for cell in cells)]))
    return lines


def _spread(values: list[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


if __name__ == "__main__":
    main()
