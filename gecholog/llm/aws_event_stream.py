"""Decodes AWS's binary event stream (`application/vnd.amazon.eventstream`) of Bedrock, incrementally.

A message is its length and that of its headers (32 bits each), a CRC-32 of both, the headers, the payload, and a CRC-32
of all that: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html. `InvokeModel` wraps each
event of the model's own API in base64 once more, as `{"bytes": …}`.
"""

from __future__ import annotations

import binascii
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from gecholog.llm.event import Event, load

LARGEST_MESSAGE = 24 * 1024 * 1024  # bytes; AWS's limit for the payload is 16 MiB
_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
_SMALLEST = _PRELUDE.size + _CRC.size
_STRING = 7
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}  # of the values of header types that are not counted
_NAMES = (":event-type", ":exception-type", ":error-code")


class AwsEventStreamDecoder:
    """Decodes each message whose payload is a JSON object into an event.

    At a message whose checksums are wrong, or of more than `limit` bytes, it stops: what follows cannot be told apart.
    """

    __slots__ = ("_held", "_is_broken", "_limit")

    def __init__(self, limit: int = LARGEST_MESSAGE) -> None:
        self._limit = limit
        self._held = bytearray()
        self._is_broken = False

    def feed(self, data: bytes) -> list[Event]:
        """Feed the next bytes. Returns the events of the messages that are complete now."""
        if self._is_broken:
            return []
        self._held += data
        return [event for message in self._messages() if (event := _event(message)) is not None]

    def flush(self) -> list[Event]:
        """Return nothing: an incomplete message is not an event."""
        return []

    def _messages(self) -> Iterator[bytes]:
        while len(self._held) >= _PRELUDE.size:
            size, headers, crc = _PRELUDE.unpack_from(self._held)
            is_right = _SMALLEST + headers <= size <= self._limit and zlib.crc32(self._held[:8]) == crc
            if is_right and len(self._held) < size:
                return
            message = bytes(self._held[:size])
            if not is_right or zlib.crc32(message[: -_CRC.size]) != _CRC.unpack(message[-_CRC.size :])[0]:
                self._is_broken = True
                self._held.clear()
                return
            del self._held[:size]
            yield message


def _event(message: bytes) -> Event | None:
    end = _PRELUDE.size + _PRELUDE.unpack_from(message)[1]
    headers = dict(_headers(message[_PRELUDE.size : end]))
    value = load(message[end : -_CRC.size])
    if value is None:
        return None
    name = next((headers[name] for name in _NAMES if name in headers), "")
    return _unwrapped(value) or Event(name, value)


def _headers(data: bytes) -> Iterator[tuple[str, str]]:
    """The string headers. Stops at the first invalid header."""
    at = 0
    while at < len(data):
        name_end = at + 1 + data[at]
        name, kind = data[at + 1 : name_end], data[name_end : name_end + 1]
        at = name_end + 1
        if not kind:
            return
        size = _SIZES.get(kind[0])
        if size is None:
            size = int.from_bytes(data[at : at + 2])
            at += 2
        if kind[0] == _STRING:
            yield name.decode("utf-8", "replace"), data[at : at + size].decode("utf-8", "replace")
        at += size


def _unwrapped(value: dict[str, Any]) -> Event | None:
    inner = value.get("bytes")
    if not isinstance(inner, str):
        return None
    try:
        data = binascii.a2b_base64(inner)
    except ValueError:
        return None
    found = load(data)
    return None if found is None else Event("", found)
