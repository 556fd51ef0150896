"""Sessions of signed-in users. Functions of a connection, for `Database.run`.

A browser has a random token, of which the file holds the SHA-256 only. A session ends when it was idle for too long, at
an absolute age, when someone revokes it, or with its user.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
from dataclasses import dataclass

from services.gui.store import users
from services.gui.store.users import User

_LONGEST_AGENT = 200  # characters
_TOUCH_EVERY_S = 10.0  # a session's last use is stored at most this often
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long sessions last, in seconds: without a request, and at most."""

    idle_s: float
    absolute_s: float


@dataclass(frozen=True, slots=True)
class Session:
    """A session. `id` names it for people; it cannot be used to sign in."""

    id: str
    user: str
    created: float
    seen: float
    address: str
    agent: str


def start(connection: sqlite3.Connection, user: str, address: str, agent: str, now: float) -> tuple[str, str]:
    """Begin a session; returns the token for the browser, and the id."""
    token, name = secrets.token_urlsafe(_TOKEN_BYTES), secrets.token_hex(6)
    connection.execute(
        "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)",
        (_hash(token), name, user, now, now, address, agent[:_LONGEST_AGENT]),
    )
    return token, name


def resume(
    connection: sqlite3.Connection, token: str, lifetime: Lifetime, now: float, *, touch: bool
) -> tuple[Session, User] | None:
    """The session of a token and its user; None if it has ended. `touch` makes this its last use."""
    row = connection.execute("SELECT * FROM sessions WHERE hash = ?", (_hash(token),)).fetchone()
    if row is None:
        return None
    session = _session(row)
    user = users.find(connection, session.user)
    if user is None or user.disabled or _has_ended(session, lifetime, now):
        connection.execute("DELETE FROM sessions WHERE hash = ?", (_hash(token),))
        return None
    if touch and now - session.seen > _TOUCH_EVERY_S:
        connection.execute("UPDATE sessions SET seen = ? WHERE hash = ?", (now, _hash(token)))
    return session, user


def is_alive(connection: sqlite3.Connection, session: str, lifetime: Lifetime, now: float) -> bool:
    """Tell whether a session, by its id, has not ended; its user may still do what it could."""
    row = connection.execute(
        "SELECT sessions.* FROM sessions JOIN users ON user = name WHERE id = ? AND NOT disabled", (session,)
    ).fetchone()
    return row is not None and not _has_ended(_session(row), lifetime, now)


def all_sessions(connection: sqlite3.Connection, lifetime: Lifetime, now: float) -> list[Session]:
    """The sessions that have not ended, the latest first. Forgets the others."""
    connection.execute(
        "DELETE FROM sessions WHERE seen < ? OR created < ?", (now - lifetime.idle_s, now - lifetime.absolute_s)
    )
    return [_session(row) for row in connection.execute("SELECT * FROM sessions ORDER BY seen DESC")]


def end(connection: sqlite3.Connection, session: str) -> Session | None:
    """End a session by its id; returns it, or None."""
    row = connection.execute("DELETE FROM sessions WHERE id = ? RETURNING *", (session,)).fetchone()
    return None if row is None else _session(row)


def end_all(connection: sqlite3.Connection, user: str, but: str = "") -> None:
    """End all sessions of a user, except the one with the id `but`."""
    connection.execute("DELETE FROM sessions WHERE user = ? AND id != ?", (user, but))


def csrf_token(token: str) -> str:
    """The text that forms of a session carry. It does not tell the token, and dies with the session."""
    return hmac.new(token.encode(), b"csrf", hashlib.sha256).hexdigest()[:32]


def _has_ended(session: Session, lifetime: Lifetime, now: float) -> bool:
    return now - session.seen > lifetime.idle_s or now - session.created > lifetime.absolute_s


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _session(row: sqlite3.Row) -> Session:
    return Session(row["id"], row["user"], row["created"], row["seen"], row["address"], row["agent"])
