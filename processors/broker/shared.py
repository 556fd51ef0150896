"""What replicas know together: the health of targets in a key-value bucket of the bus, and who may probe.

Calls are decided by the board alone. A watch keeps it up to date, changes are written beside the calls, and only a
probe is asked for: the key is written on condition that nobody else wrote it, so of all replicas one gets it. While the
bus cannot do that, or does not answer, a replica goes by what it sees itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from typing import Protocol

from gecholog.errors import BusError
from gecholog.keyvalue import Conflict, Entry, NoKeyValue, Watch
from gecholog.logs import Log
from gecholog.router_path import key_part, of_key_part
from gecholog.timer import Timestamp
from processors.broker.board import Board
from processors.broker.notice import Bounds, Notice, decode, encode, seconds

log = Log("shared")

_GRANTED_WITHIN = 0.025  # seconds that a call waits to become a probe; later, the next call is the probe
_AGAIN_AFTER = 1.0  # seconds
_LOOK_AGAIN_AFTER = 60.0  # seconds, on a bus without JetStream: it may have been too early to ask


class Store(Protocol):
    """The part of a key-value bucket that is needed here; errors are those of gecholog.keyvalue."""

    async def ensure(self) -> None: ...
    async def get(self, key: str) -> Entry | None: ...
    async def put(self, key: str, value: bytes) -> int: ...
    async def create(self, key: str, value: bytes) -> int: ...
    async def update(self, key: str, value: bytes, revision: int) -> int: ...
    async def watch(
        self, handler: Callable[[Entry], Awaitable[None]], *, begins: Callable[[], None] | None = None
    ) -> Watch: ...


class Shared:
    """The board's tie to the boards of other replicas. It does nothing, and stands in nobody's way, until `run`."""

    def __init__(self, store: Store, board: Board, clock: Callable[[], Timestamp]) -> None:
        self._store = store
        self._board = board
        self._clock = clock
        self._name = secrets.token_hex(8)
        self._watch: Watch | None = None
        self._works = False
        self._reason = ""  # the last one that was logged
        self._connected = asyncio.Event()
        self._changed = asyncio.Event()
        self._unwritten: set[str] = set()
        self._writing = ""
        self._held: dict[str, Entry] = {}  # heard while our own word was under way
        self._revisions: dict[str, int] = {}
        self._claims: dict[str, asyncio.Task[bool]] = {}
        self.settled = asyncio.Event()  # the board is up to date, or there is nothing to be had for the time being

    # ----------------------------------------------------------------- life

    async def run(self) -> None:
        """Keep the board up to date, and write what changes on it, until cancelled."""
        try:
            await self._until_it_stands()
            while True:
                await self._changed.wait()
                self._changed.clear()
                while self._unwritten:
                    await self._write(self._unwritten.pop())
        finally:
            await self._close()

    async def connected(self, _: object) -> None:
        """The bus has been connected, perhaps to another server than before."""
        self._connected.set()

    def _begins(self) -> None:
        """All that there is will be told again, perhaps of another bucket, whose revisions began anew."""
        self._revisions.clear()

    async def _until_it_stands(self) -> None:
        while not self._works:
            self._connected.clear()
            try:
                await self._store.ensure()
                self._works = True
            except NoKeyValue:
                self._say_once(
                    "target health is not shared, each replica tracks its own", "JetStream is not enabled on the bus"
                )
                self.settled.set()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_AGAIN_AFTER):
                        await self._connected.wait()
            except BusError as error:
                self._say_once("cannot share target health, retrying", str(error))
                self.settled.set()
                await asyncio.sleep(_AGAIN_AFTER)
        self._watch = await self._store.watch(self._heard, begins=self._begins)
        await self._watch.caught_up()
        self.settled.set()
        log.info("target health shared with other replicas")

    async def _close(self) -> None:
        self._works = False
        for claim in self._claims.values():
            claim.cancel()
        if self._watch is not None:
            await self._watch.close()

    def _say_once(self, message: str, reason: str) -> None:
        if reason != self._reason:
            self._reason = reason
            log.warning(message, reason=reason)

    # -------------------------------------------------------------- telling

    def tell(self, path: str) -> None:
        """The health of a target has changed: it is written as soon as may be."""
        self._unwritten.add(path)
        self._changed.set()

    async def _write(self, path: str) -> None:
        self._writing = path
        try:
            revision = await self._store.put(key_part(path), self._notice(path))
        except BusError as error:
            self._failed(path, error)
            await asyncio.sleep(_AGAIN_AFTER)
            with contextlib.suppress(BusError):  # the bus may have lost its store
                await self._store.ensure()
            return
        finally:
            self._writing = ""
        self._works = True
        self._revisions[path] = revision
        held = self._held.pop(path, None)
        if held is not None:
            await self._heard(held)

    def _notice(self, path: str) -> bytes:
        return encode(Notice(self._board.health(path), self._name), self._clock())

    def _failed(self, path: str, error: BusError) -> None:
        self._works = False
        self._say_once("cannot share target health, retrying", str(error))
        self.tell(path)

    # -------------------------------------------------------------- hearing

    async def _heard(self, entry: Entry) -> None:
        """Take over what another replica says, unless our own word is newer."""
        path = of_key_part(entry.key)
        if path == self._writing or path in self._unwritten:
            self._held[path] = entry
        elif entry.revision == 0:  # the bus has lost its store: what we know is still true
            self._revisions.pop(path, None)
        elif entry.revision >= self._revisions.get(path, 0):
            self._revisions[path] = entry.revision
            self._take_over(path, entry)

    def _take_over(self, path: str, entry: Entry) -> None:
        notice = Notice(None) if entry.value is None else self._read(entry.value)
        if notice is None or notice.by == self._name:
            return
        if path in self._claims and self._claims[path].done():
            del self._claims[path]
        before = self._board.health(path)
        self._board.put(path, notice.health)
        if (before and before.state) != (notice.health and notice.health.state):
            state = notice.health.state.value if notice.health else "in"
            log.info("target health updated by another replica", router=path, state=state)

    def _read(self, value: bytes) -> Notice | None:
        limits = self._board.limits
        is_fresh = self._watch is not None and self._watch.current  # otherwise it may have been there for long
        return decode(value, self._clock(), Bounds(limits.out, limits.longest), is_fresh=is_fresh)

    # -------------------------------------------------------------- probing

    async def grant(self, path: str) -> bool:
        """Ask for the one probe of a target that is due; tells whether it was granted, and the board knows of it.

        A call does not wait for long. A grant that comes too late for it is for the next one.
        """
        if self._works and not await self._claimed(path):
            return False
        self._board.put(path, self._board.probed(path, seconds(self._clock())))
        return True

    async def _claimed(self, path: str) -> bool:
        if path in self._unwritten or path == self._writing:
            return False
        claim = self._claims.get(path)
        if claim is None:
            # what is known now: a claim that knew of another replica's probe would succeed over it
            claiming = self._claim(path, self._revisions.get(path))
            claim = self._claims[path] = asyncio.create_task(claiming, name=f"claim {path}")
            await asyncio.wait({claim}, timeout=_GRANTED_WITHIN)
        if not claim.done():
            return False
        self._claims.pop(path, None)
        return claim.result()

    async def _claim(self, path: str, known: int | None) -> bool:
        """Write the key if its revision is still the one that is `known`."""
        now = self._clock()
        value = encode(Notice(self._board.probed(path, seconds(now)), self._name), now)
        try:
            if known is None:
                self._revisions[path] = await self._store.create(key_part(path), value)
            else:
                self._revisions[path] = await self._store.update(key_part(path), value, known)
        except Conflict as conflict:
            if known is not None and conflict.revision < known:  # the key is gone, or the bucket is another one
                self._revisions.pop(path, None)
                return await self._claim(path, None)
            with contextlib.suppress(BusError):
                if (entry := await self._store.get(key_part(path))) is not None:
                    await self._heard(entry)
            return False
        except BusError as error:
            self._failed(path, error)
        return True
