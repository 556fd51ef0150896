"""The format of client keys: `sk-gl-`, an id of 8 characters, `-`, and a secret of 43 characters.

The id is public: it names the key in records and on the command line. The secret has 256 random bits (base64url without
padding, RFC 4648, section 5). Only the SHA-256 of the whole key is stored. A fast hash is enough, because such a secret
cannot be guessed.
"""

from __future__ import annotations

import re
import secrets
from hashlib import sha256
from typing import NamedTuple

PREFIX = "sk-gl-"
ID_LENGTH = 8
_ID_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
SECRET_LENGTH = 43
_SECRET_BYTES = 32  # in base64url
_ID_END = len(PREFIX) + ID_LENGTH
ID = re.compile(rf"[a-z0-9]{{{ID_LENGTH}}}")


class NewKey(NamedTuple):
    """A key that has just been made. `text` is shown once and stored nowhere."""

    id: str
    text: str

    def __repr__(self) -> str:
        return f"NewKey(id={self.id!r})"


def new_key(key_id: str = "") -> NewKey:
    """Make a key with a new secret, and a new id unless one is given."""
    key_id = key_id or "".join(secrets.choice(_ID_CHARACTERS) for _ in range(ID_LENGTH))
    return NewKey(key_id, f"{PREFIX}{key_id}-{secrets.token_urlsafe(_SECRET_BYTES)}")


def id_of(key: str) -> str:
    """The id in a key; empty if the text does not have the format of a key."""
    return key[len(PREFIX) : _ID_END] if key[_ID_END : _ID_END + 1] == "-" and key.startswith(PREFIX) else ""


def digest(key: str) -> bytes:
    """The SHA-256 of a key, which is stored in its place."""
    return sha256(key.encode("utf-8", "surrogateescape")).digest()
