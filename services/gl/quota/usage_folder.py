"""A folder with the usage of one process: the file `state.json`, and logs with what was counted since."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import msgspec

from gecholog import atomic_file, regular_file
from gecholog.logs import Log
from gecholog.quota.limits import NANO_USD, TOKENS
from gecholog.quota.meter import ReplicaUsage
from gecholog.quota.usage_table import Counted
from services.gl.quota.usage_log import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gecholog.quota.usage_table import UsageTable

log = Log("quota")

_STATE = "state.json"
_LOG = re.compile(r"log-([0-9]{1,15})\.jsonl")
_MODE = 0o600


class State(msgspec.Struct):
    """The file `state.json`. `log` is the number of the first log file that is not in `usages`."""

    replica: str
    log: int
    usages: list[tuple[str, str, ReplicaUsage]]


_Line = tuple[int, int, int, list[tuple[str, str, list[str]]]]

_read_state = msgspec.json.Decoder(State).decode
_read_line = msgspec.json.Decoder(_Line).decode
_write = msgspec.json.Encoder().encode


class UsageFolder:
    """The files at `path`. Their reader or writer holds the lock of the folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def state(self) -> State | None:
        """The stored state, or None if none can be read."""
        try:
            return _read_state(regular_file.read_bytes(self.path / _STATE))
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            log.error("stored usage cannot be read, beginning anew", folder=str(self.path), reason=str(error))
            return None

    def restore(self, table: UsageTable, state: State | None) -> None:
        """Put a state and what the logs after it say into an empty table. Raises OSError.

        The last line of each log may be incomplete.
        """
        for part, replica, usage in () if state is None else state.usages:
            with contextlib.suppress(ValueError):  # of another version
                table.restore(part, replica, usage)
        first = 0 if state is None else state.log
        for number in sorted(self.logs()):
            if number >= first:
                self._replay(table, number)

    def _replay(self, table: UsageTable, number: int) -> None:
        for line in lines_of(regular_file.read_bytes(self.log(number))):
            with contextlib.suppress(msgspec.MsgspecError, ValueError):
                when, tokens, nano_usd, meters = _read_line(line)
                counts = {TOKENS: tokens, NANO_USD: nano_usd}
                for name, window, fields in meters:
                    table.count_again(Counted(name, window, {one: counts.get(one, 1) for one in fields}), when)

    def write(self, state: State) -> None:
        """Store a state, then remove the logs that are in it. Raises OSError."""
        atomic_file.write(self.path / _STATE, _write(state), _MODE)
        for number in list(self.logs()):
            if number < state.log:
                self.log(number).unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder. Raises OSError."""
        for file in list(self.path.iterdir()):
            file.unlink(missing_ok=True)
        self.path.rmdir()

    def logs(self) -> Iterator[int]:
        """The numbers of the logs."""
        for file in self.path.iterdir():
            if (match := _LOG.fullmatch(file.name)) is not None:
                yield int(match[1])

    def log(self, number: int) -> Path:
        """The path of a log."""
        return self.path / f"log-{number}.jsonl"
