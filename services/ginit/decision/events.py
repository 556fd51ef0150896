"""What may happen to the services, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.ginit.config import Definition

NOT_THERE = "is not there"


@dataclass(frozen=True, slots=True)
class ContentChanged:
    """The config file of a service has another content now: its checksum.

    None if the file cannot be read; `missing` says why, as the end of a sentence: "is not there".
    """

    name: str
    sha256: str | None
    missing: str = NOT_THERE


@dataclass(frozen=True, slots=True)
class Checked:
    """The service's own validation, called as `definition` says, has accepted or rejected a content of its config file.

    `reason` says why it was rejected.
    """

    definition: Definition
    sha256: str
    valid: bool
    reason: str = ""

    @property
    def name(self) -> str:
        return self.definition.name


@dataclass(frozen=True, slots=True)
class CheckTimedOut:
    """The service's own validation of a content did not end in `timeout_s`, so nothing is known about the content."""

    definition: Definition
    sha256: str
    timeout_s: float

    @property
    def name(self) -> str:
        return self.definition.name


@dataclass(frozen=True, slots=True)
class OutputSeen:
    """A service that is starting has written something."""

    name: str


@dataclass(frozen=True, slots=True)
class StartDelayed:
    """The machine kept a service that is starting from running, for so many more seconds."""

    name: str
    seconds: float


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
    """A service that was asked to reload keeps the config that it had, and why."""

    name: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """The process of a service has ended, or could not be started."""

    name: str
    how: str


@dataclass(frozen=True, slots=True)
class HeartbeatMissed:
    """A service that serves has not responded for so many seconds, in which it could have."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class HeartbeatSeen:
    """A service that did not respond responds again."""

    name: str


@dataclass(frozen=True, slots=True)
class RestartWanted:
    """A service runs but does not do its work, and a restart helps."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Redefined:
    """ginit's own config has changed: the services, each with the checksum of its config file, and `max_starts`."""

    services: tuple[tuple[Definition, str | None], ...]
    max_starts: int


@dataclass(frozen=True, slots=True)
class RecordProblems:
    """What is wrong with the records of the gateways. `problems` replaces what was known before; () if all is well."""

    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SupervisordStatus:
    """Whether supervisord responds."""

    responds: bool


@dataclass(frozen=True, slots=True)
class Stopping:
    """The whole appliance is being stopped."""


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The `timer_at` of some service may have passed."""


ServiceEvent = (
    ContentChanged
    | Checked
    | CheckTimedOut
    | OutputSeen
    | StartDelayed
    | BecameHealthy
    | Confirmed
    | Refused
    | RestartWanted
    | HeartbeatMissed
    | HeartbeatSeen
    | Ended
)
Event = ServiceEvent | Redefined | RecordProblems | SupervisordStatus | Stopping | TimerFired
