"""Watches prices.json, and puts its content in force once it is stable and valid.

A file that is not valid changes nothing: the prices in force stay, and a log line says why. Those that were valid last
are kept on disk as well, so that a restart with a broken file does not charge the shipped prices.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from gecholog import atomic_file, regular_file
from gecholog.errors import ConfigError, Problem
from gecholog.llm import price_table
from gecholog.llm.prices import Prices
from gecholog.logs import Log
from services.gl.prices.overrides import parse_overrides

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gecholog.llm.price_table import PriceTable
    from services.gl.config import Config

log = Log("prices")

_INTERVAL_S = 1.0  # between two looks at the file
_LARGEST = 1024 * 1024  # bytes of the file


class _Content(NamedTuple):
    """What a file holds: its bytes, None if it is missing; the prices with it, or the error if it is not valid."""

    data: bytes | None
    prices: Prices | None = None
    error: ConfigError | None = None


class PriceFile:
    """The file prices.json of the config in force, and the prices in it."""

    def __init__(self, last_good: Path, changed: Callable[[], None], *, keeps: bool = True) -> None:
        """`last_good` is where the last valid content is kept; `changed` is called when other prices are in force.

        A process that does not keep it reads what another process of the gateway has kept.
        """
        self._last_good = last_good
        self._keeps = keeps
        self._changed = changed
        self._path: Path | None = None
        self._stamp: tuple[int, ...] | None = None
        self._data: bytes | None = None  # in force
        self._prices: Prices | None = None  # None: those of the config, which are shipped

    def open(self, config: Config) -> None:
        """Read the file of a config at the start of the gateway; if it is not valid, the last valid content."""
        self._path = config.prices_file
        if self._path is None:
            return
        self._stamp = _stamp(self._path)
        found = _load(self._path)
        if found.data is None:
            self._keep(None)
        elif not self._take(found) and (last := _load(self._last_good)).data is not None:
            self._take(last)

    def applied(self, config: Config) -> Config:
        """The config with the prices of its file."""
        self._path = config.prices_file
        return config if self._prices is None else replace(config, prices=self._prices)

    async def run(self) -> None:
        """Watch until cancelled. A file is read when it has not changed for a second: half a file is not valid."""
        is_changing = False
        while True:
            await asyncio.sleep(_INTERVAL_S)
            path = self._path
            if path is None:
                continue
            if (stamp := _stamp(path)) != self._stamp:
                self._stamp, is_changing = stamp, True
            elif is_changing:
                is_changing = False
                found = await asyncio.to_thread(_load, path)
                if found.data != self._data and self._take(found):
                    self._changed()

    def _take(self, content: _Content) -> bool:
        """Put a content in force. Returns whether it is valid."""
        if content.error is not None:
            for problem in content.error.problems:
                log.error("prices not taken, those in force stay", file=content.error.source, **problem.fields)
            return False
        if content.data != self._data and content.prices is not None:
            self._data, self._prices = content.data, content.prices
            self._keep(content.data)
            log.info("prices in force", version=self._prices.version)
        return True

    def _keep(self, data: bytes | None) -> None:
        """Keep the last valid content for a restart."""
        if not self._keeps:
            return
        try:
            if data is None:
                self._last_good.unlink(missing_ok=True)
            else:
                self._last_good.parent.mkdir(parents=True, exist_ok=True)
                atomic_file.write(self._last_good, data, 0o600)
        except OSError as error:
            log.warning("prices not kept for a restart", file=str(self._last_good), reason=error.strerror)


def _load(path: Path) -> _Content:
    """Read and check a file."""
    try:
        data = regular_file.read_bytes(path, _LARGEST)
    except FileNotFoundError:
        return _Content(None, _prices_with(None))
    except OSError as error:
        return _Content(b"", error=ConfigError(str(path), [Problem("", regular_file.reason(error))]))
    try:
        return _Content(data, _prices_with(parse_overrides(data, str(path))))
    except ConfigError as error:
        return _Content(data, error=error)


def _prices_with(overrides: PriceTable | None) -> Prices:
    """The shipped prices, after those of an operator."""
    return Prices(price_table.shipped(), overrides)


def _stamp(path: Path) -> tuple[int, ...] | None:
    """A value that changes when the file is written or replaced, or None."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
