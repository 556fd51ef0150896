"""supervisord's event listener protocol: it sends events about processes on one descriptor, and ginit acknowledges each
on another. See http://supervisord.org/events.html.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass

_READY = b"READY\n"
_OK = b"RESULT 2\nOK"
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Notification:
    """An event: its name (`PROCESS_STATE_EXITED`), its serial number among those for this listener, and its fields."""

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
    """Takes chunks, returns complete notifications."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[Notification]:
        """The notifications that this chunk completes."""
        self._rest += chunk
        notifications = []
        while (notification := self._next()) is not None:
            notifications.append(notification)
        return notifications

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
    """Calls `on_notification` with each event, and `on_closed` when supervisord is gone."""

    def __init__(
        self,
        on_notification: Callable[[Notification], None],
        on_closed: Callable[[], None],
        descriptors: tuple[int, int] = (0, 3),
    ) -> None:
        """`descriptors` are for reading and for writing: standard output belongs to the log, so 3 replaces it."""
        self._on_notification = on_notification
        self._on_closed = on_closed
        self._incoming, self._outgoing = descriptors
        self._parser = NotificationParser()

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
            self._closed()
            return
        for notification in self._parser.feed(chunk):
            self._on_notification(notification)
            self._write(_OK + _READY)

    def _write(self, data: bytes) -> None:
        try:
            os.write(self._outgoing, data)
        except BrokenPipeError:
            self._closed()

    def _closed(self) -> None:
        self.close()
        self._on_closed()
