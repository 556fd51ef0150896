"""NKeys: Ed25519 keys with which a client signs the nonce of a server, and the files that hold them.

The seed of a user's key is text of base32: two bytes of prefix, 32 bytes of seed, a checksum of two bytes
(https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth). A credentials file
(`nsc generate creds`) holds such a seed, and the JWT of the user whom it belongs to.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_SEED, _USER = 18 << 3, 20 << 3  # prefixes
_RAW_LENGTH = 36  # bytes: prefix, seed, checksum
# what stands between lines of dashes, as nats.go reads it
_SECTION = re.compile(r"^-{3,}[^\n]*-{3,}\r?\n\s*(\S+?)\s*\r?\n-{3,}[^\n]*-{3,}[ \t]*\r?$", re.MULTILINE)
_SECTIONS = 2


@dataclass(frozen=True, slots=True)
class NKey:
    """The key of a user."""

    seed: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> NKey:
        """Read the seed of a user. Raises ValueError, without the text in the message."""
        try:
            raw = base64.b32decode(text.strip() + "=" * (-len(text.strip()) % 8))
        except (binascii.Error, ValueError):
            raise ValueError("is not the seed of an NKey") from None
        if len(raw) != _RAW_LENGTH or binascii.crc_hqx(raw[:-2], 0) != int.from_bytes(raw[-2:], "little"):
            raise ValueError("is not the seed of an NKey")
        if (raw[0] & 0xF8, (raw[0] & 7) << 5 | raw[1] >> 3) != (_SEED, _USER):
            raise ValueError("is not the seed of a user's NKey")
        return cls(raw[2:-2])

    @property
    def public(self) -> str:
        """The public key, as a server's config has it: `U…`."""
        raw = bytes([_USER]) + self._private().public_key().public_bytes_raw()
        return _encoded(raw)

    def sign(self, nonce: str) -> str:
        """The signature of a server's nonce."""
        return base64.urlsafe_b64encode(self._private().sign(nonce.encode())).rstrip(b"=").decode()

    def _private(self) -> Ed25519PrivateKey:
        # it takes a tenth of a second to import, and few have NKeys
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

        return Ed25519PrivateKey.from_private_bytes(self.seed)


@dataclass(frozen=True, slots=True)
class UserCredentials:
    """What a credentials file holds: a user's JWT, and the key that goes with it."""

    jwt: str = field(repr=False)
    key: NKey

    @classmethod
    def parse(cls, text: str) -> UserCredentials:
        """Read a credentials file. Raises ValueError, without the text in the message."""
        sections = _SECTION.findall(text)
        if len(sections) < _SECTIONS:
            raise ValueError("does not hold the JWT of a user and the seed of its NKey")
        return cls(sections[0], NKey.parse(sections[1]))


def _encoded(raw: bytes) -> str:
    checksum = binascii.crc_hqx(raw, 0).to_bytes(2, "little")
    return base64.b32encode(raw + checksum).rstrip(b"=").decode()
