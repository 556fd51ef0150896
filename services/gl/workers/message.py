"""Messages between the parent and a worker: JSON objects, each after its length and its number of sockets. Pure."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = struct.Struct("!IB")
MOST_SOCKETS = 8
"""Sockets that one message can carry."""
_LONGEST = 64 * 1024 * 1024  # bytes; a config file has at most 16 MiB, and its text is escaped


class Message(NamedTuple):
    """The fields of a message, and how many sockets were sent with its first byte."""

    fields: dict[str, Any]
    sockets: int


def encode(fields: dict[str, Any], sockets: int = 0) -> bytes:
    """The bytes of a message. Raises TypeError if the fields are not JSON, ValueError if it would be too long."""
    body = json.dumps(fields, separators=(",", ":")).encode("ascii")
    if len(body) > _LONGEST or sockets > MOST_SOCKETS:
        raise ValueError("the message is too long")
    return _HEAD.pack(len(body), sockets) + body


class Decoder:
    """Splits a stream of bytes into messages."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Add bytes, and yield the messages that are complete. Raises ValueError if these are not our messages."""
        self._data += data
        while len(self._data) >= _HEAD.size:
            length, sockets = _HEAD.unpack_from(self._data)
            if length > _LONGEST or sockets > MOST_SOCKETS:
                raise ValueError("not a message")
            end = _HEAD.size + length
            if len(self._data) < end:
                return
            fields = json.loads(self._data[_HEAD.size : end])
            del self._data[:end]
            if not isinstance(fields, dict):
                raise ValueError("not a message")  # noqa: TRY004 - the bytes are wrong, not the caller
            yield Message(fields, sockets)
