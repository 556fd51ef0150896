"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from bench import exchange
from bench.exchange import Exchange

PARTS = ("calls", "streams", "memory")
USUAL = ("calls", "streams")
BODIES = "1k,10k,100k,1m,100k/2k"


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a run. `seconds` is the duration of each measurement."""

    parts: tuple[str, ...]
    rounds: int
    seconds: int
    connections: tuple[int, ...]
    bodies: tuple[Exchange, ...]
    ways: frozenset[str]  # keys of paths; empty: all
    streams: int
    chunks: int
    interval_ms: int
    calls: tuple[int, int]
    markdown: Path | None
    plot: Path | None
    against: Path | None
    litellm: Path | None
    portkey: Path | None


def parse(words: list[str] | None = None) -> Options:
    """Parse the command line. Exits the program if it is invalid."""
    parser = argparse.ArgumentParser(prog="bench", description="Benchmark gl against nginx in one run.")
    add = parser.add_argument
    add("--quick", action="store_true", help="short rounds: a smoke test, not a measurement")
    add("--only", action="append", choices=PARTS, help="run only this part; repeatable (default: calls, streams)")
    add("--memory", action="store_true", help="also run the memory test, which takes some minutes")
    add("--rounds", type=int, help="number of rounds over all paths (5)")
    add("--seconds", type=int, help="duration of each measurement (4)")
    add("--connections", type=_numbers, default=(1, 32, 256), help="numbers of connections (1,32,256)")
    add("--bodies", type=_exchanges, default=_exchanges(BODIES), help=f"sizes of request and response ({BODIES})")
    add("--ways", type=_keys, default=frozenset(), help="paths to measure, such as direct,a,b,k (all)")
    add("--streams", type=int, default=200, help="concurrent streams (200)")
    add("--chunks", type=int, help="chunks per stream (100)")
    add("--interval-ms", type=int, default=50, help="milliseconds between two chunks (50)")
    add("--markdown", type=Path, help="also write the tables to this file")
    add("--plot", type=Path, help="also draw calls/s and p99 by size and by workers to this SVG file")
    add("--against", type=Path, help="another checkout of gecholog to measure in the same run")
    add("--litellm", type=Path, help="a virtual environment with LiteLLM's proxy, to measure it too")
    add("--portkey", type=Path, help="the directory of Portkey's gateway (npm), to measure it too")
    given = parser.parse_args(words)
    quick = given.quick
    return Options(
        parts=tuple(given.only or (*USUAL, *(["memory"] if given.memory else []))),
        rounds=given.rounds or (1 if quick else 5),
        seconds=given.seconds or (1 if quick else 4),
        connections=given.connections,
        bodies=given.bodies,
        ways=given.ways,
        streams=given.streams,
        chunks=given.chunks or (20 if quick else 100),
        interval_ms=given.interval_ms,
        calls=(1_000, 5_000) if quick else (10_000, 100_000),
        markdown=given.markdown,
        plot=given.plot,
        against=given.against,
        litellm=given.litellm,
        portkey=given.portkey,
    )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _keys(text: str) -> frozenset[str]:
    return frozenset(text.split(","))


def _exchanges(text: str) -> tuple[Exchange, ...]:
    try:
        return tuple(exchange.parse(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
