"""Signatures of thoughts. A provider signs what its model has thought, and wants it back unchanged in the next turn.

The key is no secret: these signatures only show whether a client or a gateway changed or lost something on the way.
They are valid in every process, so that the dummy may be started again between two turns.
"""

from __future__ import annotations

import base64
import binascii
import hmac

_KEY = b"gecholog dummy"
_SIZE = 32  # bytes of a digest


def sign(kind: str, signed: str) -> str:
    """Return the signature of a text, in base64. `kind` keeps apart what is signed for different purposes."""
    return base64.b64encode(_digest(kind, signed)).decode()


def is_valid(signature: str, kind: str, signed: str) -> bool:
    """Tell whether a signature is that of a text. Base64 is read in both alphabets, with or without padding."""
    try:
        given = base64.urlsafe_b64decode(signature.replace("+", "-").replace("/", "_").rstrip("=") + "==")
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, _digest(kind, signed))


def seal(kind: str, text: str) -> str:
    """Return a text with its signature, as one opaque text: what redacted thoughts are sent as."""
    data = text.encode("utf-8", "surrogatepass")
    return base64.b64encode(_digest(kind, text) + data).decode()


def is_sealed(kind: str, sealed: str) -> bool:
    """Tell whether a text comes from `seal`, unchanged."""
    try:
        data = base64.b64decode(sealed, validate=True)
        text = data[_SIZE:].decode("utf-8", "surrogatepass")
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(data[:_SIZE], _digest(kind, text))


def _digest(kind: str, signed: str) -> bytes:
    return hmac.digest(_KEY, f"{kind}\0{signed}".encode("utf-8", "surrogatepass"), "sha256")
