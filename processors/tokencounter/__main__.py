"""tokencounter as a program: the wiring between the bus, the counting, and the other replicas."""

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
from gecholog.service import connect_bus, replacing_bus
from gecholog.task_owner import TaskOwner
from processors.tokencounter import usage
from processors.tokencounter.config import Config, build, config_spec
from processors.tokencounter.counters import Counters
from processors.tokencounter.sharing import Sharing, milliseconds
from processors.tokencounter.uncounted import Uncounted
from processors.tokencounter.window import Window

log = Log("tokencounter")

_READY_WITHIN = 2.0  # seconds for hearing what other replicas counted; a bus without it is served all the same
_FINISHED_WITHIN = 2.0  # seconds for messages that have come already


@dataclass(frozen=True, slots=True)
class _Post:
    """Where messages are answered."""

    bus: Bus
    sharing: Sharing
    attachment: Attachment

    async def leave(self) -> None:
        """Answer what has come, tell the other replicas what was counted, and leave the bus."""
        await self.attachment.finish(_FINISHED_WITHIN)
        await self.sharing.close()
        await self.bus.close()


class Tokencounter:
    """The service. Config and counters are swapped together, between two messages."""

    def __init__(self, config: Config, alias: str) -> None:
        self._config = config
        self._alias = alias
        self._replica = secrets.token_hex(6)
        window = Window(config.period * 1000, milliseconds(), config.sliding)
        self._counters = Counters(config.caps, window)
        self._uncounted = Uncounted(_say_uncounted)
        self._post: _Post | None = None
        self._owner = TaskOwner()

    async def start(self, owner: TaskOwner) -> None:
        self._owner = owner
        bus = self._bus(self._config)
        await connect_bus(owner, bus)
        self._post = await self._posted(bus, self._config.topic)

    async def reload(self, config: Config) -> None:
        """A new bus or topic is listened on before the old one is left. Raises BusAway, BusRefused."""
        old, fresh = self._post, None
        moves = (config.bus, config.topic) != (self._config.bus, self._config.topic)
        bus = self._bus(config) if moves else None
        async with replacing_bus(self._owner, bus):
            if bus is not None:
                fresh = await self._posted(bus, config.topic)
        self._take(config)
        if fresh is not None:
            self._post = fresh
            if old is not None:
                await old.leave()
        if self._post is not None:
            # the config is another one, and what the old one wrote meanwhile is not known on a new bus
            self._post.sharing.begin_again()

    async def stop(self) -> None:
        if self._post is not None:
            await self._post.leave()

    def _take(self, config: Config) -> None:
        now = milliseconds()
        window = self._counters.window.changed(config.period * 1000, now, sliding=config.sliding)
        self._counters.take(config.caps, window, now)
        self._config = config

    def _bus(self, config: Config) -> Bus:
        return Bus(config.bus, self._alias, log)

    async def _posted(self, bus: Bus, topic: str) -> _Post:
        """Listen on a bus that is connected, knowing what the other replicas there have counted."""
        sharing = Sharing(bus, topic, self._replica, self._counters)

        async def answer(message: bytes) -> bytes:
            data = usage.answer(message, self._config.rules, self._counters, self._uncounted, milliseconds())
            if self._counters.changed:
                sharing.notice()
            return data

        try:
            await sharing.ready(_READY_WITHIN)
            attachment = await processor.attach(bus, topic, answer, concurrency=1)
            with contextlib.suppress(BusAway):  # lost just now: the next connection subscribes
                await bus.flush()
        except BaseException:
            await sharing.close()
            raise
        return _Post(bus, sharing, attachment)


def _say_uncounted(router: str, field: str, transaction_id: str, answers: int) -> None:
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
