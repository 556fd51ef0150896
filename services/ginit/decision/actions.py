"""What ginit may do about what happens, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services.ginit.config import Definition


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
    """Ask the process to reload the file that is in force now; the answer is `Confirmed`, `Refused` or nothing."""

    name: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Ask the process to end; the answer is an `Ended`."""

    name: str


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill the process, which does not respond; the answer is an `Ended`."""

    name: str


@dataclass(frozen=True, slots=True)
class WriteChecksum:
    """Write the checksum file of a service that does not do so itself."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class RemoveChecksum:
    """Remove the checksum file of a service that does not serve."""

    name: str


@dataclass(frozen=True, slots=True)
class Unregister:
    """Discard everything that is kept for a service that was removed from the config."""

    definition: Definition


@dataclass(frozen=True, slots=True)
class GiveUp:
    """End the whole appliance, with an error."""

    reason: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """Write a line to the log."""

    level: str
    message: str
    fields: dict[str, Any] = field(default_factory=dict)


ServiceAction = Check | PutInForce | Start | Reload | Stop | Kill | WriteChecksum | RemoveChecksum
Action = ServiceAction | Unregister | GiveUp | LogLine
