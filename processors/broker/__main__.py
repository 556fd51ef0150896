"""Runs the broker as a program."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

from gecholog import cli
from gecholog.cli import Program
from gecholog.service import connect_bus, replacing_bus
from gecholog.task_owner import TaskOwner
from gecholog.timer import now
from processors.broker.broker import Broker
from processors.broker.config import Config, build, config_spec
from processors.broker.connection import Connection
from processors.broker.health_table import HealthTable

_NAME = "broker"
_ABOUT = "Balances calls across routers, with a circuit breaker for failing ones."
_SHIPPED = Path(__file__).with_name("broker_config.json")


class Service:
    """The service. The health of targets survives a reload."""

    def __init__(self, config: Config, alias: str) -> None:
        self._config = config
        self._alias = alias
        self._owner = TaskOwner()
        self._table = HealthTable(config.groups, config.policy, Random())  # noqa: S311 - spreads calls, guards nothing
        self._broker = Broker(self._table, now)
        self._connection: Connection | None = None
        self._configure(config)

    async def start(self, owner: TaskOwner) -> None:
        self._owner = owner
        self._connection = self._connection_for(self._config)
        await connect_bus(owner, self._connection.bus)
        await self._connection.begin(owner)

    async def reload(self, config: Config) -> None:
        """A new bus, topic or bucket is in use before the old one is left. Raises BusAway, BusRefused."""
        old, fresh = self._connection, None
        if config.location != self._config.location:
            fresh = self._connection_for(config)
        async with replacing_bus(self._owner, fresh.bus if fresh else None):
            if fresh is not None:
                await fresh.begin(self._owner)
        self._configure(config)
        self._config = config
        if fresh is not None:
            self._connection = fresh
            if old is not None:
                await old.close()

    async def stop(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    def _configure(self, config: Config) -> None:
        self._table.configure(config.groups, config.policy)
        self._broker.configure(config.groups, any_status_but_200=config.any_status_but_200)

    def _connection_for(self, config: Config) -> Connection:
        return Connection(config.location, self._alias, self._table, self._broker)


PROGRAM = Program(_NAME, _ABOUT, config_spec, build, Service)


def main(argv: Sequence[str]) -> int:
    """Run the program and return its exit code. Without arguments, it uses the config that ships with it."""
    return cli.main(PROGRAM, argv or ["-o", str(_SHIPPED)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
