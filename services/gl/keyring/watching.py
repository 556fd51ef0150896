"""Watches the bucket of client keys, and puts every change in force."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from gecholog.errors import BusAway, BusError
from gecholog.keys import bucket_key
from gecholog.keys.reading import InvalidEntry, to_bytes
from gecholog.keyvalue import NoKeyValue
from gecholog.logs import Log

if TYPE_CHECKING:
    from gecholog.keys import KeyEntry
    from gecholog.keys.state import KeyState
    from gecholog.keyvalue import Entry, KeyValue, Watch
    from services.gl.keyring.keyring import Keyring
    from services.gl.keyring.mirror import Mirror

log = Log("keys")

_RETRY_S = 1.0
_MARKED_EVERY_S = 10.0  # how often the mirror is marked as current
_MOST_SHOWN = 10  # names of missing keys in a log line


class KeyWatch:
    """Keeps a keyring, and the mirror on disk, like a bucket while `run` runs.

    `state` has the entries of the mirror at first. Entries that the bucket does not have stay in force.
    """

    def __init__(
        self, bucket: KeyValue, state: KeyState, keyring: Keyring, mirror: Mirror, first_key: KeyEntry | None = None
    ) -> None:
        """`first_key` is added to a bucket that never had an entry, if there is no mirror either."""
        self._bucket = bucket
        self._state = state
        self._keyring = keyring
        self._mirror = mirror
        self._first_key = first_key
        self._watch: Watch | None = None
        self._seen: set[str] = set()  # since the watch began
        self._missing: frozenset[str] = frozenset()
        self._changed = asyncio.Event()
        self._settled = asyncio.Event()
        self._unwritten = asyncio.Event()
        self._in_force = False  # whether the keyring has what the state has
        self._reason = ""  # of the last warning

    async def run(self) -> None:
        """Put changes in force until cancelled."""
        self._keyring.watch_with(self._is_current)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow(), name="client keys")
                tasks.create_task(self._keep_mirror(), name="mirror of client keys")
        finally:
            if self._watch is not None:
                await self._watch.close()

    async def settled(self, seconds: float) -> None:
        """Wait until the entries of the bucket are in force for the first time, at most for so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._settled.wait()

    async def _add_first_key(self, entry: KeyEntry) -> None:
        try:
            await self._bucket.create(bucket_key.of_key(entry.id), to_bytes(entry))
        except BusError as error:  # the next round tries again
            log.warning("first client key not stored", reason=str(error))
        else:
            log.info("first client key stored", key=entry.id)

    def _is_current(self) -> bool:
        return self._in_force and self._watch is not None and self._watch.current

    async def _follow(self) -> None:
        watch = await self._begin()
        while True:
            await self._changed.wait()
            await watch.caught_up()
            self._changed.clear()
            self._put_in_force()
            if self._first_key is not None and not (self._seen or self._state.names()):
                await self._add_first_key(self._first_key)

    async def _begin(self) -> Watch:
        while self._watch is None:
            try:
                await self._bucket.ensure()
                self._watch = await self._bucket.watch(self._receive, begins=self._restart)
            except BusAway:  # the bus logs this itself
                await asyncio.sleep(_RETRY_S)
            except NoKeyValue:
                self._warn_once("JetStream is not enabled on the bus")
                await asyncio.sleep(_RETRY_S)
            except BusError as error:
                self._warn_once(str(error))
                await asyncio.sleep(_RETRY_S)
        return self._watch

    def _warn_once(self, reason: str) -> None:
        if reason != self._reason:
            self._reason = reason
            log.warning("client keys cannot be read from the bus, retrying", bucket=self._bucket.bucket, reason=reason)

    def _restart(self) -> None:
        """The watch begins: it delivers all entries."""
        self._seen.clear()
        self._in_force = False
        self._changed.set()

    async def _receive(self, entry: Entry) -> None:
        if entry.revision == 0:  # not deleted, but missing: the bucket was wiped, or is another one
            return
        self._seen.add(entry.key)
        try:
            self._state.apply(entry.key, entry.value)
        except InvalidEntry as error:
            log.error("client key has an invalid entry, its calls are refused", entry=entry.key, reason=str(error))
        self._changed.set()

    def _put_in_force(self) -> None:
        self._keyring.snapshot = self._state.snapshot()
        self._keyring.mark_current()
        self._in_force = True
        self._settled.set()
        self._unwritten.set()
        self._report_missing()

    def _report_missing(self) -> None:
        missing = frozenset(self._state.names() - self._seen)
        if missing and missing != self._missing:
            log.error(
                "client keys are missing from the bucket, the mirror on disk stays in force",
                bucket=self._bucket.bucket,
                missing=len(missing),
                entries=sorted(missing)[:_MOST_SHOWN],
                remedy="python -m services.gl.keys import --from-mirror",
            )
        elif self._missing and not missing:
            log.info("client keys are in the bucket again", bucket=self._bucket.bucket)
        self._missing = missing

    # -------------------------------------------------------------- the mirror

    async def _keep_mirror(self) -> None:
        reason = ""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_MARKED_EVERY_S):
                    await self._unwritten.wait()
            try:
                if self._unwritten.is_set():
                    self._unwritten.clear()
                    data = self._state.to_bytes(self._bucket.bucket)
                    await asyncio.to_thread(self._mirror.write, data)
                elif self._is_current():
                    self._keyring.mark_current()
                    await asyncio.to_thread(self._mirror.touch)
                reason = ""
            except OSError as error:
                self._unwritten.set()
                if str(error) != reason:
                    reason = str(error)
                    log.error("mirror of client keys not written", file=str(self._mirror.path), reason=reason)
                await asyncio.sleep(_RETRY_S)
