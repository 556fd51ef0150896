"""Whether a process hangs: for how long it could have given a sign of life, and did not. Pure.

The time alone does not tell: on a machine that is merely slow a healthy process is silent too. So only time counts in
which the process had what it needs:

- while all its threads sleep or are stopped, nothing kept it from answering: all of the time counts;
- while one of them waits for a processor or the disk, only the time that it computed counts. An event loop that never
  turns computes on and on; a process that is starved does not;
- of a look that comes late, because the one who looks is starved or was suspended itself, little more than the time
  between two looks counts.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

EVERY = 1.0  # seconds between two looks
WORTH_TELLING = 2.5  # seconds: a sign of life may come just after a look
_LATENESS = 1.5  # times the time between two looks


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look at a process shows.

    `sign` is another one after each sign of life, None if the process was never known to give any. `computed` is the
    seconds of processor time of all its threads since it began. `is_held_up`: one of its threads can run and does not
    (or just does), or waits for the disk.
    """

    now: float
    sign: Hashable | None
    computed: float
    is_held_up: bool


@dataclass(frozen=True, slots=True)
class Pulse:
    """What is known of a process after the last look. `silence` is in seconds that count."""

    last: Sight
    silence: float = 0.0

    def after(self, sight: Sight, every: float = EVERY) -> Pulse:
        """What is known after another look; the last one was about `every` seconds before."""
        if sight.sign is None or sight.sign != self.last.sign:
            return Pulse(sight)
        passed = min(sight.now - self.last.now, every * _LATENESS)
        if sight.is_held_up:
            passed = min(passed, sight.computed - self.last.computed)
        return replace(self, last=sight, silence=self.silence + max(passed, 0.0))
