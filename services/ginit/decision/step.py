"""What to do next about one service: (service, event, time) → (next service, actions). Pure."""

from __future__ import annotations

from dataclasses import replace

from services.ginit.decision.config_file import check_timed_out, checked, content_changed
from services.ginit.decision.ending import ended
from services.ginit.decision.events import (
    BecameHealthy,
    Checked,
    CheckTimedOut,
    Confirmed,
    ContentChanged,
    Ended,
    HeartbeatMissed,
    HeartbeatSeen,
    OutputSeen,
    Refused,
    RestartWanted,
    ServiceEvent,
    StartDelayed,
    TimerFired,
)
from services.ginit.decision.heartbeat import heartbeat_missed, heartbeat_seen
from services.ginit.decision.reloading import confirmed, refused, reload_timed_out
from services.ginit.decision.starting import (
    STABLE_AFTER_S,
    became_healthy,
    output_seen,
    restart_wanted,
    start,
    start_delayed,
    start_timed_out,
)
from services.ginit.decision.state import Phase, ServiceState
from services.ginit.decision.transition import Now, Step


def step(service: ServiceState, event: ServiceEvent | TimerFired, now: Now) -> Step:  # noqa: C901, PLR0911, PLR0912 - one line for each
    """Handle an event that concerns this service."""
    match event:
        case ContentChanged():
            return content_changed(service, event.sha256, event.missing)
        case Checked():
            return checked(service, event, now)
        case CheckTimedOut():
            return check_timed_out(service, event, now)
        case OutputSeen():
            return output_seen(service, now)
        case StartDelayed(seconds=seconds):
            return start_delayed(service, seconds)
        case BecameHealthy(writes_checksum=writes_checksum):
            return became_healthy(service, now, writes_checksum=writes_checksum)
        case Confirmed():
            return confirmed(service, now)
        case Refused(reason=reason):
            return refused(service, reason, now)
        case RestartWanted(reason=reason):
            return restart_wanted(service, reason, now)
        case HeartbeatMissed(seconds=seconds):
            return heartbeat_missed(service, seconds)
        case HeartbeatSeen():
            return heartbeat_seen(service)
        case Ended(how=how):
            return ended(service, how, now)
        case TimerFired():
            return _timer_fired(service, now)


def _timer_fired(service: ServiceState, now: Now) -> Step:
    if service.timer_at is None or now.time < service.timer_at:
        return service, ()
    match service.phase:
        case Phase.PAUSING:
            return start(service, now)
        case Phase.HEALTHY:
            return _stayed_healthy(service, now), ()
        case Phase.RELOADING:
            return reload_timed_out(service, now)
        case Phase.STARTING:
            return start_timed_out(service, now)
        case _:
            return replace(service, timer_at=None), ()


def _stayed_healthy(service: ServiceState, now: Now) -> ServiceState:
    """The service has been healthy for a while: reset its failures, unless it does not respond right now."""
    if service.unresponsive_s:
        return replace(service, timer_at=now.time + STABLE_AFTER_S)
    return replace(service, failures=0, timer_at=None)
