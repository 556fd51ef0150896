"""The payloads of a record as the ledger stores them, if it is told to: compressed, and up to a size. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import zstandard

_LEVEL = 3


@dataclass(frozen=True, slots=True)
class StoredPayloads:
    """The compressed payloads of a call: what the client sent, and what it received.

    None for one that is not stored.
    """

    request: bytes | None
    response: bytes | None


class _Request(msgspec.Struct):
    ingress_payload: msgspec.Raw = msgspec.Raw()


class _Response(msgspec.Struct):
    inbound_payload: msgspec.Raw = msgspec.Raw()
    egress_payload: msgspec.Raw = msgspec.Raw()


class _Record(msgspec.Struct):
    request: _Request = msgspec.field(default_factory=_Request)
    response: _Response = msgspec.field(default_factory=_Response)


_decoder = msgspec.json.Decoder(_Record)


def payloads_in(data: bytes) -> tuple[bytes, bytes]:
    """What the client sent and what it received, as JSON in a record; empty for one that the record does not have."""
    try:
        record = _decoder.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return b"", b""
    # one that gl passed on unchanged is in the record once
    received = bytes(record.response.egress_payload) or bytes(record.response.inbound_payload)
    return bytes(record.request.ingress_payload), received


def packed(data: bytes, max_bytes: int) -> StoredPayloads:
    """The payloads of a record. One that is larger than `max_bytes` before compression is left out."""
    request, response = payloads_in(data)
    return StoredPayloads(_packed(request, max_bytes), _packed(response, max_bytes))


def unpacked(payload: bytes | None) -> bytes | None:
    """A payload that `packed` made, as JSON."""
    return None if payload is None else zstandard.ZstdDecompressor().decompress(payload)


def _packed(payload: bytes, max_bytes: int) -> bytes | None:
    if not payload or len(payload) > max_bytes:
        return None
    return zstandard.ZstdCompressor(level=_LEVEL).compress(payload)
