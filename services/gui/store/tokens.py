"""Tokens for the management API: random texts with a role and an expiry, stored as SHA-256."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from dataclasses import dataclass

from services.gui.roles import Role

PREFIX = "gui_"
_TOKEN_BYTES = 32
_USED_EVERY_S = 60.0  # the last use is stored at most this often


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as people may see it. Times are Unix times; `used` is 0 before the first use."""

    id: str
    name: str
    role: Role
    made_by: str
    created: float
    expires: float
    used: float = 0.0


def new_id() -> str:
    """A random id for a token."""
    return secrets.token_hex(4)


def add(connection: sqlite3.Connection, token: ApiToken) -> str:
    """Store a token; returns its text, which is not stored."""
    text = PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
    connection.execute(
        "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (token.id, _hash(text), token.name, token.role, token.made_by, token.created, token.expires, token.used),
    )
    return text


def find(connection: sqlite3.Connection, text: str, now: float) -> ApiToken | None:
    """The token with this text; None if there is none, or it has expired."""
    row = connection.execute("SELECT * FROM tokens WHERE hash = ?", (_hash(text),)).fetchone()
    if row is None or row["expires"] <= now:
        return None
    if now - row["used"] > _USED_EVERY_S:
        connection.execute("UPDATE tokens SET used = ? WHERE id = ?", (now, row["id"]))
    return _token(row)


def all_tokens(connection: sqlite3.Connection) -> list[ApiToken]:
    return [_token(row) for row in connection.execute("SELECT * FROM tokens ORDER BY created DESC")]


def delete(connection: sqlite3.Connection, token: str) -> ApiToken | None:
    """Revoke a token by its id; returns it, or None if there is none."""
    row = connection.execute("DELETE FROM tokens WHERE id = ? RETURNING *", (token,)).fetchone()
    return None if row is None else _token(row)


def delete_of(connection: sqlite3.Connection, maker: str) -> list[ApiToken]:
    """Revoke the tokens that a user has made, and those that were made with them; returns them."""
    rows = connection.execute("DELETE FROM tokens WHERE made_by = ? RETURNING *", (maker,)).fetchall()
    found = [_token(row) for row in rows]
    return found + [one for token in found for one in delete_of(connection, actor(token.name))]


def actor(name: str) -> str:
    """Who makes a request with a token of this name. No user has a name with a space."""
    return f"token {name}"


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _token(row: sqlite3.Row) -> ApiToken:
    return ApiToken(
        row["id"], row["name"], Role(row["role"]), row["made_by"], row["created"], row["expires"], row["used"]
    )
