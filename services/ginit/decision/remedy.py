"""When to restart a bus whose stream takes no records. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

PATIENCE = 3.0  # seconds for which a stream may be stalled
_FIRST_PAUSE = 30.0  # seconds after a restart that did not help
_LONGEST_PAUSE = 600.0
_FORGOTTEN = 3600.0  # seconds without a restart, after which the pauses are short again


@dataclass(frozen=True, slots=True)
class Remedy:
    """What is known; times are a steady clock's seconds. `pause` is the time to the next restart."""

    since: float | None = None  # when the stream was first seen stalled, with room on the disk
    last: float | None = None  # when the bus was restarted last
    pause: float = _FIRST_PAUSE

    def looked(self, now: float, *, is_stalled: bool, has_room: bool) -> tuple[Remedy, bool]:
        """What is known after a look, and whether the bus is to be restarted now."""
        if not (is_stalled and has_room):
            return replace(self, since=None), False
        since = now if self.since is None else self.since
        rests = self.last is not None and now - self.last < self.pause
        if now - since < PATIENCE or rests:
            return replace(self, since=since), False
        if self.last is None or now - self.last > _FORGOTTEN:
            return Remedy(None, now), True
        return Remedy(None, now, min(2 * self.pause, _LONGEST_PAUSE)), True
