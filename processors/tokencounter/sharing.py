"""Sharing: replicas tell each other what they counted, by a key-value bucket on the bus.

Each replica writes only keys of its own, `TOPIC.ROUTER.REPLICA`, and watches those of the others; so nobody waits for
anybody, and no write can fail for another one. Nothing here stands between a message and its answer. A key whose uses
do not count any more is removed by whoever sees it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from typing import Annotated

import msgspec

from gecholog.bus import Bus
from gecholog.errors import BusAway, BusError
from gecholog.keyvalue import Conflict, Entry, KeyValue, NoKeyValue, Watch
from gecholog.logs import Log
from gecholog.router_path import key_part, of_key_part
from processors.tokencounter.counters import Counters, Share

BUCKET = "gecholog_tokens"

log = Log("tokencounter")

_PAUSE = 0.02  # seconds between writes, while no cap is near: many calls make one write
_RETRY = 1.0  # seconds
_LOOK_AGAIN = 60.0  # seconds until a bus without JetStream is asked again
_SWEEP = 60.0  # seconds between looks for keys that are not needed any more
_LAST_WRITE = 2.0  # seconds at the end
_PERIOD = "period"  # routers begin with a slash
_BEGINNING = re.compile(rb"[0-9]{1,20}")  # of a period, in milliseconds
_ATTEMPTS = 5

Tokens = Annotated[int, msgspec.Meta(ge=0)]


class _Written(msgspec.Struct):
    """The value of a key: a Share as JSON."""

    uses: tuple[tuple[int, dict[str, Tokens]], ...]
    until: int


_read = msgspec.json.Decoder(_Written).decode
_write = msgspec.json.Encoder().encode


def milliseconds() -> int:
    """The time, as counters want it."""
    return time.time_ns() // 1_000_000


class Sharing:
    """Keeps the counters of one replica and those of its fellows on a topic together, over one bus."""

    def __init__(self, bus: Bus, topic: str, replica: str, counters: Counters) -> None:
        """`replica` is the name of this one, which no other one has or had."""
        self._bus = bus
        self._topic = topic
        self._replica = replica
        self._counters = counters
        self._bucket = KeyValue(bus, BUCKET)
        self._revisions: dict[str, int] = {}
        self._watch: Watch | None = None
        self._woken = asyncio.Event()
        self._urgent = asyncio.Event()
        self._again = asyncio.Event()  # begin from the start
        self._begun = asyncio.Event()
        self._said = ""
        self._swept = time.monotonic()
        bus.on_connect(self._announce)
        self._running = asyncio.create_task(self._run(), name="sharing")

    def notice(self) -> None:
        """The counters have something to tell."""
        self._woken.set()
        if self._counters.urgent:
            self._urgent.set()

    def begin_again(self) -> None:
        """The config of the counters is another one."""
        self._again.set()
        self._woken.set()

    async def ready(self, seconds: float) -> None:
        """Wait until it is known what the others have counted, or that it cannot be known, but not longer than that."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._begun.wait()
                if self._watch is not None:
                    await self._watch.caught_up()

    async def close(self) -> None:
        """Write what is not yet written, if the bus takes it, and end."""
        self._running.cancel()
        await asyncio.wait({self._running})
        if self._watch is not None:
            await self._watch.close()
            with contextlib.suppress(BusError, TimeoutError):
                async with asyncio.timeout(_LAST_WRITE):
                    await self._write()

    async def _announce(self, _: Bus) -> None:
        self.begin_again()

    # ------------------------------------------------------------- the work

    async def _run(self) -> None:
        while True:
            self._again.clear()
            try:
                await self._begin()
                await self._share()
            except NoKeyValue as error:
                self._say("token counts are not shared, each replica counts its own", str(error))
                self._begun.set()
                await _happens(self._again, _LOOK_AGAIN)
            except BusAway:  # the bus says so itself
                await _happens(self._again, _RETRY)
            except BusError as error:
                self._say("cannot share token counts, retrying", str(error))
                await _happens(self._again, _RETRY)
            except Exception as error:  # noqa: BLE001 - a border: counting goes on whatever happens here
                log.fault("cannot share token counts, retrying", error)
                await _happens(self._again, _RETRY)

    async def _begin(self) -> None:
        await self._bucket.ensure()
        await self._agree_on_the_period()
        if self._watch is None:
            self._watch = await self._bucket.watch(self._heard, f"{self._topic}.*.*")
        self._begun.set()
        self._said = ""
        log.info("token counts shared with other replicas", bucket=BUCKET, replica=self._replica)
        self._counters.tell_all()
        self._woken.set()

    async def _share(self) -> None:
        """Write what changes, until it is time to begin again."""
        while not self._again.is_set():
            await _happens(self._woken, _SWEEP)
            self._woken.clear()
            self._urgent.clear()
            await self._write()
            await self._sweep()
            await _happens(self._urgent, _PAUSE)

    def _say(self, message: str, reason: str) -> None:
        """Once, as long as it does not change."""
        if message != self._said:
            self._said = message
            log.warning(message, reason=reason)

    async def _agree_on_the_period(self) -> None:
        """Who is first says when the periods of this length begin. A sliding window has no beginning."""
        window = self._counters.window
        if window.sliding:
            return
        key = f"{self._topic}.{_PERIOD}.{window.period // 1000}"
        for _ in range(_ATTEMPTS):
            entry = await self._bucket.get(key)
            agreed = entry.value if entry else None
            if agreed is not None and _BEGINNING.fullmatch(agreed):
                if not self._again.is_set():
                    self._counters.turn(int(agreed))
                return
            with contextlib.suppress(Conflict):  # somebody else is faster: look again
                await self._begin_period(key, str(window.began).encode(), entry)
                return

    async def _begin_period(self, key: str, began: bytes, unreadable: Entry | None) -> None:
        if unreadable is None:
            await self._bucket.create(key, began)
        else:
            log.warning("invalid start of period in the bucket, overwriting it", key=key)
            await self._bucket.update(key, began, unreadable.revision)

    async def _write(self) -> None:
        """One write of each router that has changed; what fails has still to be written."""
        routers = sorted(self._counters.changed)
        self._counters.changed.clear()
        self._counters.urgent = False
        results = await asyncio.gather(*(self._put(router) for router in routers), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _put(self, router: str) -> None:
        share = self._counters.own(router, milliseconds())
        try:
            await self._bucket.put(self._key(router, self._replica), _write(share))
        except BaseException:
            self._counters.changed.add(router)
            raise

    def _key(self, router: str, replica: str) -> str:
        return f"{self._topic}.{key_part(router)}.{replica}"

    async def _heard(self, entry: Entry) -> None:
        """What is deleted was used all the same: it counts until it leaves the window."""
        part, replica = entry.key.rsplit(".", 2)[1:]
        is_others = replica != self._replica and part != _PERIOD
        if entry.value is None and not is_others:
            self.begin_again()  # the bucket has been lost: what we know is told once more
        if entry.value is None or not is_others:
            return
        try:
            written = _read(entry.value)
        except msgspec.MsgspecError:
            log.warning("ignoring an invalid token count of another replica", key=entry.key)
            return
        self._revisions[entry.key] = entry.revision
        self._counters.hear(of_key_part(part), replica, Share(written.uses, written.until))

    async def _sweep(self) -> None:
        if time.monotonic() - self._swept < _SWEEP:
            return
        self._swept = time.monotonic()
        for router, replica in self._counters.forget(milliseconds()):
            key = self._key(router, replica)
            await self._bucket.purge(key, self._revisions.pop(key, 0))


async def _happens(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
