"""What ginit knows of the services: one frozen value for each, and one for all of them together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.ginit.config import Definition


class Phase(Enum):
    """Where a service is in its life."""

    WAITING = "waiting"  # its turn has not come yet
    CHECKING = "checking"  # its config is validated before the first start
    READY = "ready"  # its config is valid, and it is started when those before it are settled
    STARTING = "starting"  # its process runs and is not healthy yet
    HEALTHY = "healthy"
    RELOADING = "reloading"  # it serves, and was asked to take a new config
    STOPPING = "stopping"  # it was asked to end
    PAUSING = "pausing"  # it has ended and will be started again in a moment
    IDLE = "idle"  # it does not run, and will not without a new config


class AfterStop(Enum):
    """What follows when a process that was asked to end has done so."""

    START = "start"
    BEGIN = "begin"  # from the validation on, as if it were new
    FORGET = "forget"


SERVING = frozenset({Phase.HEALTHY, Phase.RELOADING})
RUNNING = frozenset({Phase.STARTING, Phase.HEALTHY, Phase.RELOADING, Phase.STOPPING})
HANGS = 5.0  # seconds without a sign of life after which a service is not healthy
_DELAYED = 3  # starts in a row without success, after which the other services no longer wait for this one


@dataclass(frozen=True, slots=True)
class Service:
    """One service. Contents of its config file go by their checksums."""

    definition: Definition
    phase: Phase = Phase.WAITING
    content: str | None = None  # what the config file holds
    missing: str = ""  # why the config file has no content now, if that is so: "is not there"
    tried: str | None = None  # what was validated last
    checking: str | None = None  # what is being validated now
    in_force: str | None = None  # what the process was started with, or was asked to take
    good: str | None = None  # what it was healthy with last
    writes_checksum: bool = False  # it writes its checksum file itself, and so can be asked to reload
    then: AfterStop = AfterStop.START
    starts: int = 0
    failures: int = 0  # starts in a row that did not last
    since: float = 0.0  # when the phase began
    last_output: float = 0.0  # when it last wrote something while it was starting
    due: float | None = None  # when to look at it again
    late: bool = False  # it is starting for so long that the others no longer wait
    reason: str = ""  # why it is not healthy
    silent: float = 0.0  # seconds without a sign of life, while it serves
    killed: float = 0.0  # and after how many of them it was killed last

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def settled(self) -> bool:
        """Whether the next service may be started."""
        past_its_start = self.phase in SERVING or self.phase is Phase.IDLE or self.good is not None
        return past_its_start or self.late or self.failures >= _DELAYED

    @property
    def hangs(self) -> bool:
        return self.silent >= HANGS

    @property
    def fault(self) -> str:
        """Why it does not serve, as a sentence; empty if it does."""
        if self.phase in SERVING:
            return f"{self.name} gives no sign of life" if self.hangs else ""
        return f"{self.name} is {self.phase.value}" + (f": {self.reason}" if self.reason else "")

    @property
    def on_trial(self) -> bool:
        """Whether it has a new config in force that it was never healthy with, and an older one that it was."""
        return self.good is not None and self.in_force != self.good

    @property
    def reloads(self) -> bool:
        return self.writes_checksum or self.definition.is_nats_server


@dataclass(frozen=True, slots=True)
class Appliance:
    """All services, in the order of their start."""

    services: tuple[Service, ...]
    max_starts: int
    stopping: bool = False
    given_up: str = ""
    problems: tuple[str, ...] = ()  # what is wrong though every process lives
    supervised: bool = True  # supervisord answers

    @property
    def healthy(self) -> bool:
        """Whether every service serves, and nothing else is wrong."""
        return not self.faults

    @property
    def faults(self) -> tuple[str, ...]:
        """Why the appliance is not healthy: a sentence for each reason."""
        ending = ("the appliance is being stopped",) if self.stopping else ()
        given_up = (self.given_up,) if self.given_up else ()
        alone = () if self.supervised else ("supervisord does not answer",)
        services = tuple(fault for service in self.services if (fault := service.fault))
        return (*ending, *given_up, *alone, *self.problems, *services)

    @property
    def settled(self) -> bool:
        """Whether every service has had its turn."""
        return all(service.settled for service in self.services)

    @property
    def due(self) -> float | None:
        """When to look again."""
        return min((service.due for service in self.services if service.due is not None), default=None)

    def get(self, name: str) -> Service | None:
        return next((service for service in self.services if service.name == name), None)

    def put(self, changed: Service) -> Appliance:
        services = tuple(changed if service.name == changed.name else service for service in self.services)
        return replace(self, services=services)

    def without(self, name: str) -> Appliance:
        return replace(self, services=tuple(service for service in self.services if service.name != name))
