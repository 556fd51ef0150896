"""NKeys and JWTs for tests, as `nsc` would make them: an operator, its account, and users of that.

https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt
"""

import base64
import binascii
import hashlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_SEED = 18 << 3
_PREFIXES = {"operator": 14 << 3, "account": 0, "user": 20 << 3}


def _text(raw: bytes) -> str:
    checksum = binascii.crc_hqx(raw, 0).to_bytes(2, "little")
    return base64.b32encode(raw + checksum).rstrip(b"=").decode()


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Key:
    """A key pair of a kind: `operator`, `account` or `user`."""

    kind: str
    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def seed(self) -> str:
        prefix = _PREFIXES[self.kind]
        first, second = _SEED | prefix >> 5, (prefix & 31) << 3
        return _text(bytes([first, second]) + self.private.private_bytes_raw())

    @property
    def public(self) -> str:
        return _text(bytes([_PREFIXES[self.kind]]) + self.private.public_key().public_bytes_raw())

    def jwt(self, subject: "Key", name: str, nats: dict[str, Any], expires: int | None = None) -> str:
        """A JWT about `subject`, signed with this key."""
        claims: dict[str, Any] = {"iat": int(time.time()), "iss": self.public, "name": name, "sub": subject.public}
        claims |= {"nats": {"type": subject.kind, "version": 2} | nats}
        claims |= {"exp": expires} if expires else {}
        claims["jti"] = base64.b32encode(hashlib.sha256(json.dumps(claims).encode()).digest()).rstrip(b"=").decode()
        head = _base64(json.dumps({"typ": "JWT", "alg": "ed25519-nkey"}).encode())
        body = _base64(json.dumps(claims).encode())
        return f"{head}.{body}.{_base64(self.private.sign(f'{head}.{body}'.encode()))}"


@dataclass
class Operator:
    """An operator with one account: what a server's config says of them, and credentials files of users."""

    key: Key = field(default_factory=lambda: Key("operator"))
    account: Key = field(default_factory=lambda: Key("account"))

    @property
    def settings(self) -> dict[str, Any]:
        """The part of a server's config."""
        limits = {"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": True}
        limits |= {"conn": -1, "leaf": -1}
        account = self.key.jwt(self.account, "tests", {"limits": limits})
        return {
            "operator": self.key.jwt(self.key, "operator", {}),
            "resolver": "MEMORY",
            "resolver_preload": {self.account.public: account},
        }

    def write_credentials(self, file: Path, expires: int | None = None) -> Path:
        """A credentials file of a new user."""
        user = Key("user")
        jwt = self.account.jwt(user, "user", {"subs": -1, "data": -1, "payload": -1}, expires)
        text = (
            f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
            "************************* IMPORTANT *************************\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"
        )
        file.write_text(text, "ascii")
        return file
