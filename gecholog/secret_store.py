"""The secret store: what config files name as `${secret:NAME}`, encrypted in `data/secrets.json` of the home folder.

Each secret is encrypted separately with AES-256-GCM. Its name and the hosts that it may be sent to are authenticated
with it: who can write the file, but does not have the key, cannot send a secret elsewhere.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gecholog import atomic_file, file_lock, regular_file, secret_hosts
from gecholog.secret_key import EncryptionKeys, SecretStoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

LARGEST = 16 * 1024
"""Characters of a secret."""

_NONCE_BYTES = 12
_VERSION = 1
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LOCK_S, _LOCK_PAUSE_S = 5.0, 0.05


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A secret without its value. `changed` is a Unix time."""

    name: str
    hosts: tuple[str, ...]
    changed: float
    changed_by: str


@dataclass(frozen=True, slots=True)
class OpenedSecret:
    """The value of a secret, and the hosts that it may be sent to."""

    hosts: tuple[str, ...]
    value: str = field(repr=False)


def name_problem(name: str) -> str:
    """Why a name is refused; empty if it is not."""
    return "" if _NAME.fullmatch(name) else "must be 1 to 64 letters, digits, _ or -"


class SecretStore:
    """The store of a home folder. All methods raise SecretStoreError."""

    def __init__(self, home: Path, environ: Mapping[str, str]) -> None:
        self.file = home / "data" / "secrets.json"
        self.keys = EncryptionKeys(home / "secrets" / "encryption_key", environ)

    def entries(self) -> tuple[StoredSecret, ...]:
        """All secrets, by name. Needs no key."""
        return tuple(_described(name, entry) for name, entry in sorted(self._read().items()))

    def open(self, name: str) -> OpenedSecret | None:
        """The secret with this name, or None."""
        entry = self._read().get(name)
        if entry is None:
            return None
        hosts = _described(name, entry).hosts
        return OpenedSecret(hosts, _decrypted(name, hosts, entry, self.keys.all()))

    def put(self, name: str, value: str, hosts: tuple[str, ...], by: str) -> StoredSecret | None:
        """Store a secret, in place of one of the same name, which is returned. `by` is who does it.

        The hosts of a secret change only together with its value: who may not read it cannot send it elsewhere.
        """
        if problem := name_problem(name):
            raise SecretStoreError(f"the name {problem}")
        if not value or len(value) > LARGEST or "\0" in value:
            raise SecretStoreError(f"the secret must have 1 to {LARGEST} characters")
        try:
            allowed = secret_hosts.hosts_of(hosts)
        except ValueError as error:
            raise SecretStoreError(str(error)) from None

        def change(entries: dict[str, Any]) -> StoredSecret | None:
            before = entries.get(name)
            key = self.keys.own(may_be_new=not entries)
            entries[name] = _encrypted(name, value, allowed, key) | {"changed": time.time(), "changed_by": by}
            return None if before is None else _described(name, before)

        return self._change(change)

    def delete(self, name: str) -> StoredSecret | None:
        """Delete a secret; returns it, or None."""

        def change(entries: dict[str, Any]) -> StoredSecret | None:
            before = entries.pop(name, None)
            return None if before is None else _described(name, before)

        return self._change(change)

    def _change(self, change: Callable[[dict[str, Any]], StoredSecret | None]) -> StoredSecret | None:
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _locked(self.file.with_name(".secrets.lock")):
                entries = self._read()
                result = change(entries)
                data = json.dumps({"version": _VERSION, "secrets": entries}, indent=2).encode()
                like = self.file.stat() if self.file.exists() else None  # root's command leaves it the services' file
                atomic_file.write(self.file, data + b"\n", 0o600, like=like, fsync=True)
        except OSError as error:
            raise SecretStoreError(f"{self.file} cannot be written: {error.strerror or error}") from error
        return result

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(regular_file.read_bytes(self.file))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            reason = regular_file.reason(error) if isinstance(error, OSError) else "is not JSON"
            raise SecretStoreError(f"the secret store {self.file} {reason}") from None
        entries = found.get("secrets") if isinstance(found, dict) and found.get("version") == _VERSION else None
        if not isinstance(entries, dict):
            raise SecretStoreError(f"the secret store {self.file} was not written by this version of gecholog")
        return entries


def _described(name: str, entry: Any) -> StoredSecret:
    try:
        hosts = tuple(str(host) for host in entry["hosts"])
        return StoredSecret(name, hosts, float(entry["changed"]), str(entry["changed_by"]))
    except (KeyError, TypeError, ValueError):
        raise SecretStoreError(f"the secret {name} in the store is damaged") from None


def _bound(name: str, hosts: tuple[str, ...]) -> bytes:
    """What is authenticated with a secret."""
    return json.dumps(["gecholog secret", _VERSION, name, list(hosts)]).encode()


def _encrypted(name: str, value: str, hosts: tuple[str, ...], key: bytes) -> dict[str, Any]:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - services without secrets are smaller

    nonce = secrets.token_bytes(_NONCE_BYTES)
    data = AESGCM(key).encrypt(nonce, value.encode("utf-8", "surrogatepass"), _bound(name, hosts))
    texts = {"nonce": nonce, "data": data}
    return {"hosts": list(hosts)} | {part: base64.b64encode(text).decode() for part, text in texts.items()}


def _decrypted(name: str, hosts: tuple[str, ...], entry: Any, keys: list[bytes]) -> str:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    for key in keys:
        try:
            nonce, data = (base64.b64decode(entry[part], validate=True) for part in ("nonce", "data"))
            return AESGCM(key).decrypt(nonce, data, _bound(name, hosts)).decode("utf-8", "surrogatepass")
        except InvalidTag:
            continue
        except (KeyError, TypeError, ValueError):
            break
    raise SecretStoreError(f"the secret {name} cannot be decrypted: it was written with another key, or changed since")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One writer at a time, the command and the web interface. Raises SecretStoreError, OSError."""
    descriptor = _acquired(path)
    try:
        yield
    finally:
        os.close(descriptor)


def _acquired(path: Path) -> int:
    end = time.monotonic() + _LOCK_S
    while True:
        try:
            return file_lock.acquire(path)
        except BlockingIOError:
            if time.monotonic() > end:
                raise SecretStoreError("another program is writing the secret store") from None
            time.sleep(_LOCK_PAUSE_S)
