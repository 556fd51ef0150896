"""Users. Functions of a connection, for `Database.run`."""

from __future__ import annotations

import re
import secrets
import sqlite3
from dataclasses import dataclass, field, replace

from gecholog.errors import GechologError
from services.gui.roles import Role

ADMIN = "admin"
"""The user of the first start, whose password may be given by the environment."""

LONGEST_NAME = 64
"""Characters of a name, as the pattern says."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


class UserError(GechologError):
    """A user cannot be made or changed like this."""


@dataclass(frozen=True, slots=True)
class User:
    """A user. Times are Unix times; `last_sign_in` is 0 before the first one. `id` is never used again, as names are.

    `managed`: the environment gives the password, and nobody can change it here. `password` is a PHC string, empty for
    a managed user. `payloads`: may see what clients ask and models answer.
    """

    name: str
    role: Role
    password: str = field(default="", repr=False)
    must_change: bool = False
    managed: bool = False
    payloads: bool = False
    disabled: bool = False
    created: float = 0.0
    last_sign_in: float = 0.0
    id: str = field(default_factory=lambda: secrets.token_hex(6))


def name_problem(name: str) -> str:
    """Why a name is refused; empty if it is not."""
    rule = "must be letters, digits and . _ @ -, beginning with a letter or a digit, at most 64 in all"
    return "" if _NAME.fullmatch(name) else rule


def all_users(connection: sqlite3.Connection) -> list[User]:
    return [_user(row) for row in connection.execute("SELECT * FROM users ORDER BY name")]


def find(connection: sqlite3.Connection, name: str) -> User | None:
    row = connection.execute("SELECT * FROM users WHERE name = ?", (name,)).fetchone()
    return None if row is None else _user(row)


def add(connection: sqlite3.Connection, user: User) -> None:
    """Add a user. Raises UserError if the name is taken."""
    if find(connection, user.name) is not None:
        raise UserError(f"there is a user {user.name} already")
    values = (
        user.name,
        user.role.value,
        user.password,
        user.must_change,
        user.managed,
        user.payloads,
        user.disabled,
        user.created,
        user.last_sign_in,
        user.id,
    )
    connection.execute("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)


def change(
    connection: sqlite3.Connection,
    name: str,
    *,
    role: Role | None = None,
    payloads: bool | None = None,
    disabled: bool | None = None,
) -> User:
    """Change what a user may do; None leaves it. Returns the user as it was.

    Raises UserError if the user does not exist, or nobody could administer users any more.
    """
    user = _existing(connection, name)
    fresh = replace(
        user,
        role=user.role if role is None else role,
        payloads=user.payloads if payloads is None else payloads,
        disabled=user.disabled if disabled is None else disabled,
    )
    connection.execute(
        "UPDATE users SET role = ?, payloads = ?, disabled = ? WHERE name = ?",
        (fresh.role.value, fresh.payloads, fresh.disabled, name),
    )
    _require_admin(connection)
    return user


def set_password(connection: sqlite3.Connection, name: str, password: str, *, must_change: bool) -> None:
    """Give a user another password, as a PHC string. Raises UserError."""
    if _existing(connection, name).managed:
        raise UserError(f"the password of {name} is given by the environment (GUI_SECRET): change it there")
    connection.execute("UPDATE users SET password = ?, must_change = ? WHERE name = ?", (password, must_change, name))


def set_managed(connection: sqlite3.Connection, name: str, *, managed: bool) -> None:
    """Set whether the environment gives the password of a user. A managed user has no password of its own."""
    connection.execute("UPDATE users SET managed = ?, must_change = 0, password = '' WHERE name = ?", (managed, name))


def signed_in(connection: sqlite3.Connection, name: str, now: float) -> None:
    connection.execute("UPDATE users SET last_sign_in = ? WHERE name = ?", (now, name))


def delete(connection: sqlite3.Connection, name: str) -> User:
    """Delete a user, with all sessions. Raises UserError if it is the first one, or the last who may do that."""
    user = _existing(connection, name)
    if name == ADMIN:
        raise UserError(f"the user {ADMIN} cannot be deleted, only disabled")
    connection.execute("DELETE FROM users WHERE name = ?", (name,))
    _require_admin(connection)
    return user


def _existing(connection: sqlite3.Connection, name: str) -> User:
    user = find(connection, name)
    if user is None:
        raise UserError(f"there is no user {name}")
    return user


def _require_admin(connection: sqlite3.Connection) -> None:
    count = connection.execute(
        "SELECT count(*) FROM users WHERE role = ? AND disabled = 0", (Role.ADMIN.value,)
    ).fetchone()[0]
    if not count:
        raise UserError("there must be one enabled user with the role admin")


def _user(row: sqlite3.Row) -> User:
    return User(
        row["name"],
        Role(row["role"]),
        row["password"],
        bool(row["must_change"]),
        bool(row["managed"]),
        bool(row["payloads"]),
        bool(row["disabled"]),
        row["created"],
        row["last_sign_in"],
        row["id"],
    )
