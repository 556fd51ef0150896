"""The audit log: who changed what, when, from where. Entries are only ever added."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gecholog.timer import rfc3339

_LONGEST = 500  # characters of a text


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change. `before` and `after` are checksums, if what was changed has them; `number` is 0 before it is stored.

    `action` is such as `sign in` or `deploy config`, `subject` what it was done to, `detail` has no secrets.
    """

    time: float
    actor: str
    address: str
    action: str
    subject: str = ""
    before: str = ""
    after: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0

    def as_json(self) -> dict[str, Any]:
        """The entry as it is published and as the API has it."""
        return {
            "time": rfc3339(int(self.time * 1e9)),
            "actor": self.actor,
            "address": self.address,
            "action": self.action,
            "subject": self.subject,
            "before": self.before,
            "after": self.after,
            "detail": dict(self.detail),
        }


def add(connection: sqlite3.Connection, entry: AuditEntry) -> None:
    texts = (entry.actor, entry.address, entry.action, entry.subject, entry.before, entry.after)
    connection.execute(
        "INSERT INTO audit (time, actor, address, action, subject, before, after, detail)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (entry.time, *(text[:_LONGEST] for text in texts), json.dumps(dict(entry.detail))),
    )


def page(connection: sqlite3.Connection, limit: int, before: int | None = None, text: str = "") -> list[AuditEntry]:
    """Up to `limit` entries, the latest first: those with lower numbers than `before`, whose texts contain `text`."""
    like = f"%{text.replace('!', '!!').replace('%', '!%').replace('_', '!_')}%"
    rows = connection.execute(
        "SELECT * FROM audit WHERE id < ?"
        " AND actor || ' ' || action || ' ' || subject || ' ' || address LIKE ? ESCAPE '!' ORDER BY id DESC LIMIT ?",
        (before or 2**62, like, limit),
    )
    return [_entry(row) for row in rows]


def _entry(row: sqlite3.Row) -> AuditEntry:
    return AuditEntry(
        row["time"],
        row["actor"],
        row["address"],
        row["action"],
        row["subject"],
        row["before"],
        row["after"],
        json.loads(row["detail"]),
        row["id"],
    )
