"""The keys of entries in the bucket: `key.ID` and `owner.NAME`. Pure."""

from __future__ import annotations

import re

_KEYS, _OWNERS = "key.", "owner."
_PLAIN = re.compile(rb"[A-Za-z0-9_-]")
_ESCAPED = re.compile(r"=([0-9A-F]{2})")


def of_key(key_id: str) -> str:
    """The bucket's key for a client key."""
    return _KEYS + key_id


def of_owner(name: str) -> str:
    """The bucket's key for an owner. Characters that such keys must not contain are escaped, as `=40` for `@`."""
    return _OWNERS + "".join(chr(one) if _PLAIN.match(bytes([one])) else f"={one:02X}" for one in name.encode())


def key_id(text: str) -> str:
    """The id of the client key with this key in the bucket; empty if it is of another kind."""
    return text.removeprefix(_KEYS) if text.startswith(_KEYS) else ""


def owner_name(text: str) -> str:
    """The name of the owner with this key in the bucket; empty if it is of another kind."""
    if not text.startswith(_OWNERS):
        return ""
    plain = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text.removeprefix(_OWNERS))
    return plain.encode("latin-1", "replace").decode("utf-8", "replace")
