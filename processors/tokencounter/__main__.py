"""Runs the token counter as a program."""

from __future__ import annotations

import contextlib
import secrets
import sys
from dataclasses import dataclass

from gecholog import processor
from gecholog.bus import Bus
from gecholog.cli import Program, main
from gecholog.errors import BusAway
from gecholog.logs import Log
from gecholog.processor import Attachment
from gecholog.quota.window import Window
from gecholog.service import connect_bus, replacing_bus
from gecholog.task_owner import TaskOwner
from processors.tokencounter import usage
from processors.tokencounter.config import Config, build, config_spec
from processors.tokencounter.counters import Counters
from processors.tokencounter.missing_usage import MissingUsage
from processors.tokencounter.replication import UsageReplicator, milliseconds, replicator_of

log = Log("tokencounter")

_READY_TIMEOUT_S = 2.0  # to read the counts of other replicas; then calls are answered without them
_DRAIN_TIMEOUT_S = 2.0  # for messages that have arrived


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """A bus and subject on which messages are answered."""

    bus: Bus
    replicator: UsageReplicator
    attachment: Attachment

    async def close(self) -> None:
        """Answer the messages that have arrived, publish the counts, and disconnect."""
        await self.attachment.finish(_DRAIN_TIMEOUT_S)
        await self.replicator.close()
        await self.bus.close()


class Tokencounter:
    """The service. Config and counters are replaced together, between two messages."""

    def __init__(self, config: Config, alias: str) -> None:
        self._config = config
        self._alias = alias
        self._replica = secrets.token_hex(6)
        window = Window(config.period * 1000, milliseconds(), config.sliding)
        self._counters = Counters(config.caps, window)
        self._missing_usage = MissingUsage(_report_missing_usage)
        self._endpoint: _Endpoint | None = None
        self._owner = TaskOwner()

    async def start(self, owner: TaskOwner) -> None:
        self._owner = owner
        bus = self._bus(self._config)
        await connect_bus(owner, bus)
        self._endpoint = await self._listen(bus, self._config)

    async def reload(self, config: Config) -> None:
        """Apply a new config. A new bus, topic or bucket is in use before the old one is closed.

        Raises BusAway, BusRefused.
        """
        old, fresh = self._endpoint, None
        bus = self._bus(config) if config.location != self._config.location else None
        async with replacing_bus(self._owner, bus):
            if bus is not None:
                fresh = await self._listen(bus, config)
        self._apply(config)
        if fresh is not None:
            self._endpoint = fresh
            if old is not None:
                await old.close()
        if self._endpoint is not None:
            # The config has changed, and a new bus does not know what was written to the old one in the meantime.
            self._endpoint.replicator.restart()

    async def stop(self) -> None:
        if self._endpoint is not None:
            await self._endpoint.close()

    def _apply(self, config: Config) -> None:
        now = milliseconds()
        window = self._counters.window.changed(config.period * 1000, now, sliding=config.sliding)
        self._counters.apply(config.caps, window, now)
        self._config = config

    def _bus(self, config: Config) -> Bus:
        return Bus(config.bus, self._alias, log)

    async def _listen(self, bus: Bus, config: Config) -> _Endpoint:
        """Answer messages on a connected bus, after reading the counts of the other replicas."""
        replicator = replicator_of(bus, config.topic, self._replica, self._counters, config.storage)

        async def answer(message: bytes) -> bytes:
            data = usage.answer(message, self._config.rules, self._counters, self._missing_usage, milliseconds())
            if self._counters.changed:
                replicator.notify()
            return data

        try:
            await replicator.ready(_READY_TIMEOUT_S)
            attachment = await processor.attach(bus, config.topic, answer, concurrency=1)
            with contextlib.suppress(BusAway):  # just disconnected: the subscription is made with the next connection
                await bus.flush()
        except BaseException:
            await replicator.close()
            raise
        return _Endpoint(bus, replicator, attachment)


def _report_missing_usage(router: str, field: str, transaction_id: str, answers: int) -> None:
    log.warning(
        "no usage found in a response of a capped router",
        router=router,
        field=field,
        transaction_id=transaction_id,
        answers=answers,
    )


PROGRAM = Program("tokencounter", "Counts tokens and enforces the caps of routers.", config_spec, build, Tokencounter)

if __name__ == "__main__":
    sys.exit(main(PROGRAM))
