"""Publishes the records that dead processes left in their journals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog.logs import Log
from services.gl.record.journal import orphans

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from services.gl.record.journal.entry import UnackedRecord

_MOST_REFUSED = 64  # records of a folder; the others wait for the next try

log = Log("records")


class OrphanDelivery:
    """The journals of dead processes."""

    def __init__(
        self, root: Path, deliver: Callable[[UnackedRecord], Awaitable[bool]], can_publish: Callable[[], bool]
    ) -> None:
        """`root` holds the folders. `deliver` publishes a record and returns whether the bus has it."""
        self.damaged = 0  # places that could not be read
        self._root = root
        self._deliver = deliver
        self._can_publish = can_publish
        self._asked = 1  # how often someone has asked for a look at the folders
        self._done = 0  # the number of the request after which nothing was left
        self._unreadable: set[Path] = set()  # folders that are skipped

    def rescan(self) -> None:
        """Look for folders again: another process may have died."""
        self._asked += 1

    async def publish_all(self, own: Path) -> bool:
        """Publish the records of all folders but our `own`. Returns False if some of them have to wait."""
        asked = self._asked
        if self._done == asked:
            return True
        waits = False
        for folder in orphans.folders(self._root, own):
            if folder in self._unreadable:
                continue
            try:
                waits = not await self._publish_folder(folder) or waits
            except OSError as error:
                self._give_up(folder, str(error))
            if not self._can_publish():
                return False
        if not waits:
            self._done = asked  # a process that died meanwhile is still to be looked for
        return not waits

    async def _publish_folder(self, folder: Path) -> bool:
        """Publish the records of a folder, then remove it. Returns False if some have to wait. Raises OSError."""
        damages = orphans.DamageCount()
        count, refused = await self._publish(folder, damages)
        if count:
            log.warning("published records of a dead process", records=count)
        if refused:
            return False
        if damages.places:
            self.damaged += damages.places
            places, size = damages.places, damages.bytes
            log.error("journal of a dead process is corrupt", places=places, bytes=size, folder=str(folder))
        if damages.files:
            self._give_up(folder, f"{damages.files} of its files cannot be read")
        else:
            orphans.discard(folder)
        return True

    async def _publish(self, folder: Path, damages: orphans.DamageCount) -> tuple[int, int]:
        """Publish records of a folder. Returns how many were published and how many have to wait. Raises OSError."""
        count = refused = 0
        for kept in orphans.unacknowledged_records(folder, damages):
            if await self._deliver(kept):
                orphans.mark_acknowledged(folder, kept.record_id)
                count += 1
            else:
                refused += 1
                if refused >= _MOST_REFUSED or not self._can_publish():
                    break
        return count, refused

    def _give_up(self, folder: Path, reason: str) -> None:
        """Skip a folder from now on. The next process tries it again."""
        self.damaged += 1
        self._unreadable.add(folder)
        log.error("cannot read journal of a dead process", folder=str(folder), reason=reason)
