"""supervisord's event listener protocol: it says on one descriptor what became of the processes, we say on another
that we have heard it. See http://supervisord.org/events.html.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass

_READY = b"READY\n"
_TAKEN = b"RESULT 2\nOK"
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Notification:
    """An event: its name (`PROCESS_STATE_EXITED`), its number among those that we are sent, and its fields."""

    event: str
    serial: int
    fields: dict[str, str]

    @property
    def slug(self) -> str:
        return self.fields.get("groupname", "")

    @property
    def pid(self) -> int:
        return int(self.fields.get("pid", "0"))


class NotificationParser:
    """Takes chunks, gives whole notices."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, chunk: bytes) -> list[Notification]:
        self._rest += chunk
        notices = []
        while (notice := self._next()) is not None:
            notices.append(notice)
        return notices

    def _next(self) -> Notification | None:
        head, found, body = self._rest.partition(b"\n")
        if not found:
            return None
        headers = _tokens(head.decode())
        length = int(headers["len"])
        if len(body) < length:
            return None
        self._rest = body[length:]
        payload = body[:length].decode("utf-8", "replace")
        return Notification(headers["eventname"], int(headers["poolserial"]), _tokens(payload))


def _tokens(text: str) -> dict[str, str]:
    """`a:1 b:2` → `{"a": "1", "b": "2"}`."""
    return {name: value for name, _, value in (token.partition(":") for token in text.split())}


class EventListener:
    """Tells `noticed` what supervisord says, and `deserted` when supervisord is no more."""

    def __init__(
        self,
        noticed: Callable[[Notification], None],
        deserted: Callable[[], None],
        descriptors: tuple[int, int] = (0, 3),
    ) -> None:
        """`descriptors` are for reading and for writing: standard output belongs to the log, so 3 stands in for it."""
        self._noticed = noticed
        self._deserted = deserted
        self._incoming, self._outgoing = descriptors
        self._notices = NotificationParser()

    def open(self) -> None:
        """Begin to listen."""
        asyncio.get_running_loop().add_reader(self._incoming, self._read)
        self._write(_READY)

    def close(self) -> None:
        """Stop listening."""
        asyncio.get_running_loop().remove_reader(self._incoming)

    def _read(self) -> None:
        chunk = os.read(self._incoming, _CHUNK)
        if not chunk:
            self.close()
            self._deserted()
            return
        for notice in self._notices.take(chunk):
            self._noticed(notice)
            self._write(_TAKEN + _READY)

    def _write(self, data: bytes) -> None:
        try:
            os.write(self._outgoing, data)
        except BrokenPipeError:
            self.close()
            self._deserted()
