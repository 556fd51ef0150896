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
    """A token as people may see it. Times are Unix times; `used` is 0 before the first use.

    `made_by` is the name of who has made it, `maker` who that is, as `of_user` and `of_token` say.
    """

    id: str
    name: str
    role: Role
    made_by: str
    created: float
    expires: float
    used: float = 0.0
    maker: str = ""


def new_id() -> str:
    """A random id for a token."""
    return secrets.token_hex(4)


def of_user(user_id: str) -> str:
    """The maker of tokens that a user makes."""
    return f"user {user_id}"


def of_token(token_id: str) -> str:
    """The maker of tokens that are made with a token."""
    return f"token {token_id}"


def may_make(connection: sqlite3.Connection, maker: str) -> bool:
    """Tell whether a maker is still there, and may still make tokens."""
    kind, _, name = maker.partition(" ")
    asked = {
        "user": "SELECT 1 FROM users WHERE id = ? AND role = 'admin' AND NOT disabled",
        "token": "SELECT 1 FROM tokens WHERE id = ? AND role = 'admin'",
    }
    return kind in asked and connection.execute(asked[kind], (name,)).fetchone() is not None


def add(connection: sqlite3.Connection, token: ApiToken) -> str:
    """Store a token; returns its text, which is not stored."""
    text = PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
    values = (token.id, _hash(text), token.name, token.role, token.made_by, token.created, token.expires, token.used)
    connection.execute("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*values, token.maker))
    return text


def find(connection: sqlite3.Connection, text: str, now: float) -> ApiToken | None:
    """The token with this text; None if it is unknown or has expired."""
    row = connection.execute("SELECT * FROM tokens WHERE hash = ?", (_hash(text),)).fetchone()
    if row is None or row["expires"] <= now:
        return None
    if now - row["used"] > _USED_EVERY_S:
        connection.execute("UPDATE tokens SET used = ? WHERE id = ?", (now, row["id"]))
    return _token(row)


def all_tokens(connection: sqlite3.Connection) -> list[ApiToken]:
    return [_token(row) for row in connection.execute("SELECT * FROM tokens ORDER BY created DESC")]


def delete(connection: sqlite3.Connection, token: str) -> list[ApiToken]:
    """Revoke a token by its id, and those that were made with it; returns them, the token first."""
    rows = connection.execute("DELETE FROM tokens WHERE id = ? RETURNING *", (token,)).fetchall()
    return [*map(_token, rows), *delete_of(connection, of_token(token))]


def delete_of(connection: sqlite3.Connection, maker: str) -> list[ApiToken]:
    """Revoke the tokens of a maker, and those that were made with them; returns them."""
    rows = connection.execute("DELETE FROM tokens WHERE maker = ? RETURNING *", (maker,)).fetchall()
    found = [_token(row) for row in rows]
    return found + [one for token in found for one in delete_of(connection, of_token(token.id))]


def actor(name: str) -> str:
    """Who makes a request with a token of this name. No user has a name with a space."""
    return f"token {name}"


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _token(row: sqlite3.Row) -> ApiToken:
    return ApiToken(
        row["id"],
        row["name"],
        Role(row["role"]),
        row["made_by"],
        row["created"],
        row["expires"],
        row["used"],
        row["maker"],
    )
