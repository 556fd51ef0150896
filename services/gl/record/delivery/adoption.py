"""Brings to the bus what dead processes left in their journals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog.logs import Log
from services.gl.record.journal import orphans

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from services.gl.record.journal.entry import UnackedRecord

_MOST_REFUSED = 64  # records of a folder; then it waits for the next try

log = Log("records")


class Adoption:
    """The journals of dead processes."""

    def __init__(
        self, root: Path, deliver: Callable[[UnackedRecord], Awaitable[bool]], may_go_on: Callable[[], bool]
    ) -> None:
        """`root` holds the folders; `deliver` publishes a record, and tells whether the bus has it."""
        self.damaged = 0  # places that could not be read
        self._root = root
        self._deliver = deliver
        self._may_go_on = may_go_on
        self._is_done = False
        self._unreadable: set[Path] = set()  # folders that were given up

    def look_again(self) -> None:
        """Another process may have died since."""
        self._is_done = False

    async def publish_all(self, own: Path) -> bool:
        """Publish what is left but for our `own` folder; False if some of it has to wait."""
        if self._is_done:
            return True
        waits = False
        for folder in orphans.folders(self._root, own):
            if folder in self._unreadable:
                continue
            try:
                waits = not await self._adopt(folder) or waits
            except OSError as error:
                self._give_up(folder, str(error))
            if not self._may_go_on():
                return False
        self._is_done = not waits
        return self._is_done

    async def _adopt(self, folder: Path) -> bool:
        """Publish what is in a folder, and remove it; False if some of it has to wait. Raises OSError."""
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
        """How many records of a folder were published, and how many have to wait. Raises OSError."""
        count = refused = 0
        for kept in orphans.unacknowledged_records(folder, damages):
            if await self._deliver(kept):
                orphans.mark_acknowledged(folder, kept.record_id)
                count += 1
            else:
                refused += 1
                if refused >= _MOST_REFUSED or not self._may_go_on():
                    break
        return count, refused

    def _give_up(self, folder: Path, reason: str) -> None:
        """Leave a folder to the next process: perhaps it can be read then."""
        self.damaged += 1
        self._unreadable.add(folder)
        log.error("cannot read journal of a dead process", folder=str(folder), reason=reason)
