"""What may happen to the services (events), and what ginit may do about it (actions). Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services.ginit.config import Definition

NOT_THERE = "is not there"

# ---------------------------------------------------------------------------- events


@dataclass(frozen=True, slots=True)
class ContentChanged:
    """The config file of a service holds something else now: its checksum.

    None if it has no content; `missing` says why, as the end of a sentence: "is not there".
    """

    name: str
    sha256: str | None
    missing: str = NOT_THERE


@dataclass(frozen=True, slots=True)
class Checked:
    """The service's own validation has judged a content of its config file."""

    name: str
    sha256: str
    valid: bool


@dataclass(frozen=True, slots=True)
class OutputSeen:
    """A service that is being started has written something."""

    name: str


@dataclass(frozen=True, slots=True)
class BecameHealthy:
    """A service has written its healthy output. `writes_checksum`: it has also written its checksum file itself."""

    name: str
    writes_checksum: bool


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A service that was asked to reload has the new config in force."""

    name: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A service that was asked to reload keeps the config it had."""

    name: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The process of a service is no more, or could not be started."""

    name: str
    how: str


@dataclass(frozen=True, slots=True)
class Redefined:
    """ginit's own config has changed: the services, each with the checksum of its config file, and `max_starts`."""

    services: tuple[tuple[Definition, str | None], ...]
    max_starts: int


@dataclass(frozen=True, slots=True)
class ProblemsChanged:
    """What is wrong though every process lives: `problems` takes the place of what was known before, () for nothing."""

    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HeartbeatMissed:
    """A service that serves has given no sign of life for so many seconds, in which it could have."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class HeartbeatSeen:
    """A service that was silent has given a sign of life."""

    name: str


@dataclass(frozen=True, slots=True)
class SupervisordStatus:
    """Whether supervisord answers."""

    answers: bool


@dataclass(frozen=True, slots=True)
class RestartWanted:
    """A service that lives does not do its work; a restart is the remedy."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Stopping:
    """The whole appliance is being stopped."""


@dataclass(frozen=True, slots=True)
class TimerFired:
    """Time has passed."""


ServiceEvent = (
    ContentChanged
    | Checked
    | OutputSeen
    | BecameHealthy
    | Confirmed
    | Refused
    | RestartWanted
    | HeartbeatMissed
    | HeartbeatSeen
    | Ended
)
Event = ServiceEvent | Redefined | ProblemsChanged | SupervisordStatus | Stopping | TimerFired


# ---------------------------------------------------------------------------- actions


@dataclass(frozen=True, slots=True)
class Check:
    """Validate this content of the config file; the answer is a `Checked`."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class PutInForce:
    """Make this content the file that the service starts from and reloads."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Start:
    """Start the process."""

    name: str


@dataclass(frozen=True, slots=True)
class Reload:
    """Ask the process to take the file that is in force now; the answer is `Confirmed`, `Refused` or silence."""

    name: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Ask the process to end; the answer is an `Ended`."""

    name: str


@dataclass(frozen=True, slots=True)
class Kill:
    """End the process at once, it does not react; the answer is an `Ended`."""

    name: str


@dataclass(frozen=True, slots=True)
class WriteChecksum:
    """Write the checksum file of a service that does not do so itself."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class RemoveChecksum:
    """Remove the checksum file of a service that does not live."""

    name: str


@dataclass(frozen=True, slots=True)
class Forget:
    """Let go of everything that was kept for a service that is no longer wanted."""

    definition: Definition


@dataclass(frozen=True, slots=True)
class GiveUp:
    """End the whole appliance, with an error."""

    reason: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """Write a log line."""

    level: str
    message: str
    fields: dict[str, Any] = field(default_factory=dict)


ServiceAction = Check | PutInForce | Start | Reload | Stop | Kill | WriteChecksum | RemoveChecksum
Action = ServiceAction | Forget | GiveUp | LogLine
