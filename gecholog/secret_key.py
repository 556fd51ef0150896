"""The key of the secret store.

The key is 32 bytes, as hex or base64, in `GECHOLOG_ENCRYPTION_KEY` (or GopherGate's `LLM_PROXY__ENCRYPTION_KEY`).
Without one, the file `secrets/encryption_key` has a generated key. What another of these keys has encrypted is
still read, so that a key in the environment can follow a generated one.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gecholog import atomic_file, regular_file
from gecholog.errors import GechologError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEY_VARIABLES = ("GECHOLOG_ENCRYPTION_KEY", "LLM_PROXY__ENCRYPTION_KEY")
"""The environment variables that may have the key, the first that is set counts."""

_KEY_BYTES = 32
_HEX = re.compile(r"[0-9a-fA-F]{64}")


class SecretStoreError(GechologError):
    """The store cannot be read or written. The message has no secret."""


@dataclass(frozen=True, slots=True)
class EncryptionKeys:
    """The keys of a store. `file` is that of the generated key. The methods raise SecretStoreError."""

    file: Path
    _environ: Mapping[str, str]

    def all(self) -> list[bytes]:
        """The keys that may have encrypted a secret; at least one."""
        given, generated = self._given_key(), self._generated_key()
        found = [key for key in (given, generated) if key is not None]
        if not found:
            raise SecretStoreError(
                f"the key of the secret store is missing: set {KEY_VARIABLES[0]}, or restore {self.file}"
            )
        return found

    def own(self, *, may_be_new: bool) -> bytes:
        """The key to encrypt with.

        If there is none, it is generated if it `may_be_new`: not for a store that another key has written.
        """
        found = self._given_key() or self._generated_key()
        if found is None:
            found = self._new_key() if may_be_new else self.all()[0]
        return found

    def _given_key(self) -> bytes | None:
        name = next((name for name in KEY_VARIABLES if self._environ.get(name)), None)
        return None if name is None else _key_of(self._environ[name], name)

    def _generated_key(self) -> bytes | None:
        try:
            text = regular_file.read_text(self.file, "ascii")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            reason = regular_file.reason(error) if isinstance(error, OSError) else "is not a key"
            raise SecretStoreError(f"{self.file} {reason}") from None
        return _key_of(text.strip(), str(self.file))

    def _new_key(self) -> bytes:
        key = secrets.token_bytes(_KEY_BYTES)
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # First its content, then its name, so that the file is whole or not there. A link replaces nothing.
            unnamed = self.file.with_name(f".{self.file.name}.new")
            atomic_file.write(unnamed, f"{key.hex()}\n".encode(), 0o600, fsync=True)
            try:
                os.link(unnamed, self.file)
            finally:
                unnamed.unlink()
        except OSError as error:
            raise SecretStoreError(f"{self.file} cannot be written: {error.strerror or error}") from error
        return key


def _key_of(text: str, where: str) -> bytes:
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    padded = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        key = base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise SecretStoreError(f"{where} must be {_KEY_BYTES} bytes as hex or base64")
    return key
