"""broker as a program: the wiring between the bus and the deciding."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

from gecholog import cli
from gecholog.cli import Program
from gecholog.service import NEW_BUS_WITHIN, Life
from gecholog.timer import now
from processors.broker.board import Board
from processors.broker.broker import Broker
from processors.broker.config import Config, blueprint, build
from processors.broker.connection import Connection

_NAME = "broker"
_ABOUT = "Spreads calls over several routers, and leaves out those that fail."
_SHIPPED = Path(__file__).with_name("broker_config.json")


class Service:
    """The service. What is known of targets outlives the configs."""

    def __init__(self, config: Config, alias: str) -> None:
        self._config = config
        self._alias = alias
        self._life = Life()
        self._board = Board(config.groups, config.limits, Random())  # noqa: S311 - spreads calls, guards nothing
        self._broker = Broker(self._board, now)
        self._connection: Connection | None = None
        self._configure(config)

    async def start(self, life: Life) -> None:
        self._life = life
        self._connection = self._connected(self._config)
        await self._connection.open(life)

    async def reload(self, config: Config) -> None:
        """A new bus, topic or bucket is in use before the old one is left. Raises BusAway, BusRefused."""
        old = self._connection
        moves = config.place != self._config.place
        if moves:
            fresh = self._connected(config)
            await fresh.open(self._life, NEW_BUS_WITHIN)
            self._connection = fresh
        self._configure(config)
        self._config = config
        if moves and old is not None:
            await old.close()

    async def stop(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    def _configure(self, config: Config) -> None:
        self._board.configure(config.groups, config.limits)
        self._broker.configure(config.groups, any_status_but_200=config.any_status_but_200)

    def _connected(self, config: Config) -> Connection:
        return Connection(config.place, self._alias, self._board, self._broker)


PROGRAM = Program(_NAME, _ABOUT, blueprint, build, Service)


def main(argv: Sequence[str]) -> int:
    """Run the program; returns its exit code. Without arguments the config is the file that ships."""
    return cli.main(PROGRAM, argv or ["-o", str(_SHIPPED)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
