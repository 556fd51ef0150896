"""Usage on disk of workers that a gateway has no longer: the first worker takes it over, so that it still counts."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from gecholog import file_lock
from gecholog.logs import Log
from gecholog.quota.usage_table import UsageTable
from services.gl.quota.usage_folder import UsageFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

log = Log("quota")


def adopt(folders: Iterable[Path], table: UsageTable, now: int, store: Callable[[], bool]) -> None:
    """Count the usage in folders as that of other replicas, and remove those that `store` has then written elsewhere.

    It keeps the name of its replica: on the bus, too, it counts once. Folders whose process lives are left alone.
    """
    for folder in folders:
        try:
            lock = file_lock.acquire(folder / "lock")
        except OSError:
            continue
        try:
            _count(UsageFolder(folder), table, now)
            if store():
                UsageFolder(folder).remove()
                log.info("usage of a worker that is no more taken over", folder=folder.name)
        except OSError as error:
            log.warning("usage of a worker that is no more not taken over", folder=folder.name, reason=str(error))
        finally:
            os.close(lock)


def _count(folder: UsageFolder, table: UsageTable, now: int) -> None:
    """Merge what its process has counted, not what that knew of others."""
    state, found = folder.state(), UsageTable()
    folder.restore(found, state)
    replica = secrets.token_hex(6) if state is None else state.replica
    for part, other, usage in found.usages(now):
        if not other:
            table.restore(part, replica, usage)
