"""The key of a target, under which gl stores its failures and latencies. Pure.

It is the path of a router, which begins with a slash, or `provider/model`.
"""

from __future__ import annotations

import hashlib
import re

_LONGEST = 200  # characters: clients name models, and each key is kept
_OTHER = re.compile(rb"[^-/_a-zA-Z0-9]")
_ESCAPE = re.compile(r"=([0-9A-F]{2})")
_ENCODED = re.compile(r"(?:[-/_a-zA-Z0-9]|=[0-9A-F]{2})+")


def provider_key(provider: str, model: str) -> str:
    """The key of a model of a provider. A very long name is cut, and a digest is added."""
    key = f"{provider}/{model}"
    if len(key) <= _LONGEST:
        return key
    return f"{key[:_LONGEST]}…{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def fields_of(key: str) -> dict[str, str]:
    """The fields of a log line that name the target: `router`, or `provider` and `model`."""
    if key.startswith("/"):
        return {"router": key}
    provider, _, model = key.partition("/")
    return {"provider": provider, "model": model}


def bus_part(key: str) -> str:
    """Encode a key for use in the key of a bucket on the bus: invalid bytes are escaped, such as `=2E`."""
    return _OTHER.sub(lambda byte: b"=%02X" % byte[0][0], key.encode("utf-8", "surrogatepass")).decode("ascii")


def of_bus_part(part: str) -> str | None:
    """Decode what `bus_part` encoded; None if `part` is not valid."""
    if not _ENCODED.fullmatch(part):
        return None
    plain = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), part)
    try:
        key = plain.encode("latin-1").decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None
    return key if bus_part(key) == part else None
