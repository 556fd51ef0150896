"""The user `admin` and GUI_SECRET: who decides about the password, the environment or the store.

The entry point always sets GUI_SECRET. If it made the value, the value is in `secrets/GUI_SECRET`, and it is only the
first password: it has to be changed at the first sign-in, after which the store decides and the file is removed. Any
other value was given by the operator, and is the password for as long as it is given.
"""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

from gecholog import regular_file
from gecholog.errors import GechologError
from services.gui.roles import Role
from services.gui.store import password, sessions, settings, users
from services.gui.store.users import ADMIN, User

SECRET_FILE = Path("secrets") / "GUI_SECRET"
MANAGED = "the password of admin is given by the environment variable GUI_SECRET: change it there and restart"
_GENERATED = "generated_secret"  # the setting with the SHA-256 of the last generated value


class ManagedByEnvironment(GechologError):
    """The environment gives the password, so it cannot be changed here."""


def settle(connection: sqlite3.Connection, secret: str, home: Path, now: float) -> User:
    """Bring the user `admin` in line with GUI_SECRET at the start; creates it if it is missing. Returns it.

    A generated value stays generated when its file has gone: processes keep their environment when they are restarted.
    """
    admin = users.find(connection, ADMIN)
    generated = _is_generated(connection, secret, home)
    if admin is None:
        stored = password.hashed(secret) if generated else ""
        admin = User(ADMIN, Role.ADMIN, stored, generated, not generated, payloads=True, created=now)
        users.add(connection, admin)
    elif not generated and not admin.managed:
        users.set_managed(connection, ADMIN, managed=True)
        sessions.end_all(connection, ADMIN)
    elif generated and admin.managed:  # the operator has stopped giving one
        users.set_managed(connection, ADMIN, managed=False)
        users.set_password(connection, ADMIN, password.hashed(secret), must_change=True)
        sessions.end_all(connection, ADMIN)
    elif generated and not admin.must_change:
        forget_generated(home)
    return users.find(connection, ADMIN) or admin


def _is_generated(connection: sqlite3.Connection, secret: str, home: Path) -> bool:
    digest = hashlib.sha256(secret.encode()).hexdigest()
    if _read(home / SECRET_FILE) == secret:
        settings.put(connection, _GENERATED, digest)
        return True
    return settings.get(connection, _GENERATED) == digest


def _read(file: Path) -> str:
    try:
        return regular_file.read_text(file, "ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def forget_generated(home: Path) -> None:
    """Remove the file with the generated password, which is no longer the password."""
    (home / SECRET_FILE).unlink(missing_ok=True)


def reset(connection: sqlite3.Connection, now: float) -> str:
    """Give `admin` a new generated password, to be changed at the next sign-in; returns it. Ends all its sessions.

    Raises ManagedByEnvironment.
    """
    admin = users.find(connection, ADMIN)
    if admin is not None and admin.managed:
        raise ManagedByEnvironment(MANAGED)
    fresh = password.generated()
    if admin is None:
        users.add(connection, User(ADMIN, Role.ADMIN, payloads=True, created=now))
    users.set_password(connection, ADMIN, password.hashed(fresh), must_change=True)
    users.change(connection, ADMIN, role=Role.ADMIN, disabled=False)
    sessions.end_all(connection, ADMIN)
    return fresh
