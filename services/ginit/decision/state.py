"""The state of the services: a frozen value for each, and one for all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.ginit.config import Definition


class Phase(Enum):
    """The phases in the life cycle of a service."""

    WAITING = "waiting"  # its turn has not come yet
    CHECKING = "checking"  # its config is validated before the first start
    READY = "ready"  # its config is valid; it is started when the start of those before it is over
    STARTING = "starting"  # its process runs and is not healthy yet
    HEALTHY = "healthy"
    RELOADING = "reloading"  # it serves, and was asked to reload its config
    STOPPING = "stopping"  # it was asked to end
    PAUSING = "pausing"  # it has ended, and is started again after a pause
    IDLE = "idle"  # it does not run, and will not without a new config


class AfterStop(Enum):
    """What to do once a process that was asked to end has ended."""

    START = "start"
    BEGIN = "begin"  # from the validation on, as if it were new
    UNREGISTER = "unregister"


SERVING = frozenset({Phase.HEALTHY, Phase.RELOADING})
RUNNING = frozenset({Phase.STARTING, Phase.HEALTHY, Phase.RELOADING, Phase.STOPPING})
HANGS_AFTER_S = 5.0  # without a heartbeat; then a service is unhealthy
_DELAYED_AFTER = 3  # so many failures in a row, the other services no longer wait for this one


@dataclass(frozen=True, slots=True)
class RefusedConfig:
    """A content of the config file that is not in force, with the reason. `sha256` is empty if it cannot be read."""

    sha256: str
    reason: str


@dataclass(frozen=True, slots=True)
class ServiceState:
    """One service. Contents of its config file go by their checksums; times are seconds of a monotonic clock."""

    definition: Definition
    phase: Phase = Phase.WAITING
    content: str | None = None  # of the config file now
    missing: str = ""  # why the config file cannot be read now, if so: "is not there"
    last_checked: str | None = None  # the content that was validated last
    checking: str | None = None  # the content that is being validated
    check_timeouts: int = 0  # validations in a row of that content that did not end in time
    check_at: float | None = None  # when it is validated again, after one of these
    in_force: str | None = None  # what the process was started with, or was asked to reload
    last_good: str | None = None  # what it was healthy with last
    refused: RefusedConfig | None = None  # the content that was refused last
    writes_checksum: bool = False  # it writes its checksum file itself, and so can be asked to reload
    after_stop: AfterStop = AfterStop.START
    starts: int = 0
    failures: int = 0  # starts in a row that did not last
    since: float = 0.0  # when the phase began
    last_output: float = 0.0  # when it last wrote something while it was starting
    delayed_s: float = 0.0  # seconds of the start in which the machine kept it from running
    timer_at: float | None = None  # when a `TimerFired` is needed, for what the phase waits for
    is_late: bool = False  # it has been starting for so long that the others no longer wait
    reason: str = ""  # why it is not healthy
    unresponsive_s: float = 0.0  # seconds without a heartbeat, while it serves
    killed_at_s: float = 0.0  # of these, when it was killed last

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def startup_over(self) -> bool:
        """Whether the next service may be started: this one serves, has failed, or takes too long."""
        has_started = self.phase in SERVING or self.phase is Phase.IDLE or self.last_good is not None
        return has_started or self.is_late or self.failures >= _DELAYED_AFTER

    @property
    def hangs(self) -> bool:
        return self.unresponsive_s >= HANGS_AFTER_S

    @property
    def problem(self) -> str:
        """Why it does not serve, as a sentence; empty if it does."""
        if self.phase in SERVING:
            return f"{self.name} sends no heartbeat" if self.hangs else ""
        return f"{self.name} is {self.phase.value}" + (f": {self.reason}" if self.reason else "")

    @property
    def refusal(self) -> RefusedConfig | None:
        """Why the config file is not in force as it is now; None if it is, or if it is not known yet."""
        if self.missing:
            return RefusedConfig("", f"the file {self.missing}")
        is_refused = self.refused is not None and self.refused.sha256 == self.content != self.in_force
        return self.refused if is_refused else None

    @property
    def has_unproven_config(self) -> bool:
        """Whether it was never healthy with the config in force, but was with an older one."""
        return self.last_good is not None and self.in_force != self.last_good

    @property
    def can_reload(self) -> bool:
        return self.writes_checksum or self.definition.is_nats_server


@dataclass(frozen=True, slots=True)
class Appliance:
    """All services, in the order of their start."""

    services: tuple[ServiceState, ...]
    max_starts: int
    stopping: bool = False
    given_up: str = ""
    record_problems: tuple[str, ...] = ()  # of the gateways, though every process runs
    supervisord_responds: bool = True

    @property
    def healthy(self) -> bool:
        """Whether every service serves, and nothing else is wrong."""
        return not self.problems

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the appliance is not healthy: a sentence for each reason."""
        ending = ("the appliance is being stopped",) if self.stopping else ()
        given_up = (self.given_up,) if self.given_up else ()
        supervisord = () if self.supervisord_responds else ("supervisord does not respond",)
        services = tuple(problem for service in self.services if (problem := service.problem))
        return (*ending, *given_up, *supervisord, *self.record_problems, *services)

    @property
    def startup_over(self) -> bool:
        """Whether the start of every service is over."""
        return all(service.startup_over for service in self.services)

    @property
    def timer_at(self) -> float | None:
        """When the next `TimerFired` is needed; None if no service waits for one, or none is started any more."""
        if self.stopping or self.given_up:
            return None
        times = (time for service in self.services for time in (service.timer_at, service.check_at))
        return min((time for time in times if time is not None), default=None)

    def get(self, name: str) -> ServiceState | None:
        return next((service for service in self.services if service.name == name), None)

    def put(self, changed: ServiceState) -> Appliance:
        services = tuple(changed if service.name == changed.name else service for service in self.services)
        return replace(self, services=services)

    def without(self, name: str) -> Appliance:
        return replace(self, services=tuple(service for service in self.services if service.name != name))
