"""Measures the checkout that is first in PYTHONPATH, once, and prints the figures as JSON.

It is run as a file of its own, so that it measures another checkout as well. The arguments are the folder of the config
and how many calls a slice has. With a third argument it makes one slice of each way, between marks for callgrind.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from time import thread_time_ns
from typing import Any

from bench.limits.ways import WAYS, Bench, ways_of

_SLICES = 60
_WARM = 30  # calls before the first that is measured: caches are full, code is specialised


async def _microseconds(benches: dict[str, Bench], count: int) -> dict[str, float]:
    """The microseconds of a call in the fastest slice of each way; slices of the ways take turns."""
    fastest = dict.fromkeys(WAYS, float("inf"))
    for _ in range(_SLICES):
        for name, bench in benches.items():
            begin = thread_time_ns()
            await bench.calls(count)
            fastest[name] = min(fastest[name], (thread_time_ns() - begin) / count / 1000)
    return fastest


async def _marked(benches: dict[str, Bench], count: int) -> None:
    """One slice of each way. `getppid` is the mark before the first, between them, and after the last."""
    for bench in benches.values():
        os.getppid()
        await bench.calls(count)
    os.getppid()


async def _main(conf: Path, count: int, *, marked: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        benches: dict[str, Any] = ways_of(conf, Path(folder))
        for bench in benches.values():
            await bench.calls(_WARM)
        if marked:
            await _marked(benches, count)
        else:
            print(json.dumps(await _microseconds(benches, count)))


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), int(sys.argv[2]), marked=len(sys.argv) > 3))  # noqa: PLR2004 - see above
