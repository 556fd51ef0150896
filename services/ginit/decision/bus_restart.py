"""When to restart a nats-server whose stream accepts no records. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

STALLED_FOR_S = 3.0  # a stream that recovers sooner is left alone
_FIRST_PAUSE_S = 30.0  # after a restart that did not help
_LONGEST_PAUSE_S = 600.0
_RESET_AFTER_S = 3600.0  # without a restart; then the pauses are short again


@dataclass(frozen=True, slots=True)
class BusRestartPolicy:
    """The restarts so far. Times are seconds of a monotonic clock; the pause between restarts doubles."""

    stalled_since: float | None = None  # with free space on the disk
    last_restart: float | None = None
    pause_s: float = _FIRST_PAUSE_S

    def observe(self, now: float, *, is_stalled: bool, has_space: bool) -> tuple[BusRestartPolicy, bool]:
        """The policy after an observation, and whether to restart the bus now."""
        if not (is_stalled and has_space):
            return replace(self, stalled_since=None), False
        since = now if self.stalled_since is None else self.stalled_since
        pausing = self.last_restart is not None and now - self.last_restart < self.pause_s
        if now - since < STALLED_FOR_S or pausing:
            return replace(self, stalled_since=since), False
        if self.last_restart is None or now - self.last_restart > _RESET_AFTER_S:
            return BusRestartPolicy(None, now), True
        return BusRestartPolicy(None, now, min(2 * self.pause_s, _LONGEST_PAUSE_S)), True
