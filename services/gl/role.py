"""The role of a process: it is the whole gateway, or one of its workers.

Workers share a home folder. What has to be written once is written by the first worker or by the parent, and what
belongs to a process has a place of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gecholog.breakerstatus import BreakerStatusFile, BreakerStatusStore
from gecholog.recordstatus import RecordStatusFile, RecordStatusStore
from gecholog.session import Sessions
from services.gl.keyring.mirror import Mirror, SharedMirror, path_of
from services.gl.listening.listeners import Bind
from services.gl.quota.divided import WHOLE, Part
from services.gl.server.acceptor import Balance, NoBalance
from services.gl.server.listener import bind

if TYPE_CHECKING:
    from pathlib import Path

_WORKER = "worker-"  # before the number, in the name of a folder
_STEP = 64  # of the counts in session ids of workers: as many as there can be


@dataclass(frozen=True, slots=True)
class Role:
    """Where a process keeps its state, and which tasks of the whole gateway it has.

    `worker` is the number of a worker, counted from 0; None if the process is the whole gateway. `bind` returns the
    socket that it listens on, and `balance` says when others should accept from it.
    """

    alias: str
    home: Path
    record_status: RecordStatusStore
    breaker_status: BreakerStatusStore
    worker: int | None = None
    workers: int = 1
    bind: Bind = field(default=bind)
    balance: Balance = field(default_factory=NoBalance)

    @classmethod
    def alone(cls, alias: str, home: Path) -> Role:
        """The role of a process that is the whole gateway."""
        return cls(alias, home, RecordStatusFile.of(alias, home), BreakerStatusFile.of(alias, home))

    @property
    def is_alone(self) -> bool:
        """Whether it answers for the gateway on the bus. A parent does so for its workers."""
        return self.worker is None

    @property
    def is_first(self) -> bool:
        """Whether it writes what all processes of the gateway would write alike."""
        return not self.worker

    @property
    def bus_name(self) -> str:
        """The name of its connections to the bus."""
        return self.alias if self.worker is None else f"{self.alias}-{self.worker}"

    def sessions(self, gateway_id: str) -> Sessions:
        """The ids of its calls. Workers use different numbers."""
        if self.worker is None:
            return Sessions(gateway_id)
        return Sessions(gateway_id, self.worker + 1 - _STEP, _STEP)

    @property
    def journals(self) -> Path:
        """The folder of all journals: each process has one of its own there, and takes over those of dead ones."""
        return self.home / "journal" / self.alias

    @property
    def usage_folder(self) -> Path:
        """The folder for its usage of quotas. The first worker's is that of a process that is the whole gateway."""
        folder = self.home / "quotas" / self.alias
        return folder if self.is_first else folder / f"{_WORKER}{self.worker}"

    def left_usage(self) -> list[Path]:
        """The folders with usage of workers that there are no longer, which the first one takes over."""
        if not self.is_first:
            return []
        present = {f"{_WORKER}{number}" for number in range(1, self.workers)}
        found = (self.home / "quotas" / self.alias).glob(f"{_WORKER}*")
        return sorted(folder for folder in found if folder.name not in present)

    @property
    def part(self) -> Part:
        """What it may use of limits that workers cannot share."""
        return WHOLE if self.worker is None else Part(self.worker, self.workers)

    @property
    def key_mirror(self) -> Mirror:
        """The copy of the client keys on disk."""
        path = path_of(self.home, self.alias)
        return Mirror(path) if self.is_first else SharedMirror(path)

    @property
    def first_key(self) -> Path | None:
        """The file with the first client key, for the process that stores it in the bucket."""
        return self.home / "secrets" / "FIRST_KEY" if self.is_first else None

    @property
    def last_prices(self) -> Path:
        """The copy of the last valid prices."""
        return self.home / "run" / f"prices-{self.alias}.json"
