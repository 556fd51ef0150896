"""The circuit breakers of a gateway that are not closed: a small file that the gateway writes, and healthcheck reads.

The file is `HOME/run/breakers-ALIAS.json`:

    {"breakers": [{"target": "openai/gpt-4o", "opened": "…Z", "until": "…Z", "reason": "…"}]}

`target` is the path of a router, or a provider and its model. A breaker is half-open from `until` on: the gateway does
not write the file again for that.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from gecholog import atomic_file, regular_file

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST = 1000  # breakers in the file


@dataclass(frozen=True, slots=True)
class OpenBreaker:
    """A circuit breaker that is not closed. Times are in RFC 3339."""

    target: str
    opened: str
    until: str
    reason: str

    def state(self, now: datetime) -> str:
        """`open`, or `half_open` if its time is over."""
        try:
            return "half_open" if datetime.fromisoformat(self.until) <= now else "open"
        except (TypeError, ValueError):
            return "open"

    def report(self) -> dict[str, str]:
        """The breaker as JSON, with its present state."""
        return {"target": self.target, "state": self.state(datetime.now(UTC))} | asdict(self)


class BreakerStatusStore(Protocol):
    """Where the breakers that are not closed are kept for others."""

    def write(self, breakers: Iterable[OpenBreaker]) -> None:
        """Replace the list. Raises OSError."""

    def remove(self) -> None:
        """Remove the list: the gateway has stopped. Raises OSError."""


class BreakerStatusFile:
    """The status file of one gateway."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def of(cls, alias: str, home: Path) -> BreakerStatusFile:
        """The file of the gateway with this alias."""
        return cls(home / "run" / f"breakers-{alias}.json")

    def write(self, breakers: Iterable[OpenBreaker]) -> None:
        """Replace the file. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        listed = [asdict(one) for one in breakers][:_MOST]
        atomic_file.write(self._path, json.dumps({"breakers": listed}).encode(), 0o600)

    def read(self) -> list[OpenBreaker]:
        """The breakers that are not closed. Empty if the file is missing or cannot be read."""
        try:
            said = json.loads(regular_file.read_text(self._path))
        except (OSError, ValueError):
            return []
        listed = said.get("breakers") if isinstance(said, dict) else None
        return [one for item in listed if (one := _breaker(item))] if isinstance(listed, list) else []

    def remove(self) -> None:
        """Remove the file: the gateway has stopped. Raises OSError."""
        self._path.unlink(missing_ok=True)


def _breaker(said: Any) -> OpenBreaker | None:
    """Read an open breaker from its JSON value. Returns None if the value is not one."""
    if not isinstance(said, dict):
        return None
    names = [field.name for field in fields(OpenBreaker)]
    texts = {name: value for name in names if isinstance(value := said.get(name), str)}
    return OpenBreaker(**texts) if len(texts) == len(names) else None
