"""Passwords: Argon2id as PHC strings, computed in threads, two at a time."""

from __future__ import annotations

import asyncio
import hmac
import os
import secrets
import string

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from services.gui.fair_slots import FairSlots

SHORTEST = 8
LONGEST = 256
"""Characters of a password."""

_LENGTH, _LANES, _PASSES, _MEMORY_KIB = 32, 1, 2, 19 * 1024  # OWASP's minimum for Argon2id
_GENERATED = 24  # characters
_AT_ONCE = 2
_MOST_WAITING = 64  # passwords, which take some two seconds
_MOST_OF_ONE = 5  # of an origin
_BUSY = "too many people sign in at the moment: try again in a second"


def generated() -> str:
    """A random password."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(_GENERATED))


def problem(password: str, name: str = "") -> str:
    """Why a new password is refused; empty if it is not."""
    if len(password) < SHORTEST:
        return f"must have at least {SHORTEST} characters"
    if len(password) > LONGEST:
        return f"must have at most {LONGEST} characters"
    if name and password.lower() == name.lower():
        return "must not be the name of the user"
    return "" if len(set(password)) > 2 else "must not repeat one or two characters"  # noqa: PLR2004 - as it says


def hashed(password: str) -> str:
    """The PHC string of a password. Takes some 60 ms of CPU and 19 MiB."""
    kdf = Argon2id(salt=os.urandom(16), length=_LENGTH, iterations=_PASSES, lanes=_LANES, memory_cost=_MEMORY_KIB)
    return kdf.derive_phc_encoded(password.encode())


def fits(password: str, stored: str) -> bool:
    """Tell whether a password is the one of a PHC string. Takes as long as `hashed`."""
    try:
        Argon2id.verify_phc_encoded(password.encode(), stored)
    except (InvalidKey, ValueError):
        return False
    return True


class PasswordHasher:
    """Hashes and verifies in threads. Two at a time: attackers must not take all of the CPU.

    `origin` is whose password it is: the network of an address, or a user. Both methods raise TooBusy if many wait.
    """

    def __init__(self) -> None:
        self._slots = FairSlots(_AT_ONCE, _MOST_WAITING, _MOST_OF_ONE, _BUSY)
        self._nobody = ""

    async def hashed(self, password: str, origin: str) -> str:
        """The PHC string of a new password of someone who is signed in."""
        async with self._slots.taken(origin, is_known=True):
            return await asyncio.to_thread(hashed, password)

    async def fits(self, password: str, stored: str, origin: str, *, is_known: bool = False) -> bool:
        """Tell whether the password fits. An empty `stored` fits nothing, and takes as long as any other.

        `is_known`: someone has signed in from there before.
        """
        if len(password) > LONGEST:
            return False
        async with self._slots.taken(origin, is_known=is_known):
            if not self._nobody:
                self._nobody = await asyncio.to_thread(hashed, generated())
            return await asyncio.to_thread(fits, password, stored or self._nobody) and bool(stored)


def is_secret(password: str, secret: str) -> bool:
    """Compare a password with a secret that is known in clear, without telling by the time how much of it fits."""
    return hmac.compare_digest(password.encode(), secret.encode())
