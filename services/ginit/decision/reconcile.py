"""What to do next: (state, event, time) → (next state, actions). Pure functions.

This file decides about all services together, `step` about one of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from services.ginit.config import Definition
from services.ginit.decision.actions import Action, GiveUp, LogLine, RemoveChecksum, Stop, Unregister
from services.ginit.decision.config_file import begin, check_new
from services.ginit.decision.events import (
    NOT_THERE,
    Ended,
    Event,
    RecordProblems,
    Redefined,
    ServiceEvent,
    Stopping,
    SupervisordStatus,
    TimerFired,
)
from services.ginit.decision.starting import start
from services.ginit.decision.state import RUNNING, AfterStop, Appliance, Phase, ServiceState
from services.ginit.decision.step import step
from services.ginit.decision.transition import Now, Step

Decision = tuple[Appliance, tuple[Action, ...]]


def decide(appliance: Appliance, event: Event, time: float) -> Decision:
    """Handle an event; `time` is in seconds of a monotonic clock."""
    if appliance.stopping or appliance.given_up:
        return _while_ending(appliance, event)
    now = Now(time, appliance.max_starts)
    match event:
        case Stopping():
            return replace(appliance, stopping=True), ()
        case RecordProblems(problems=problems):
            return _record_problems(appliance, problems)
        case SupervisordStatus(responds=responds):
            return _supervisord_status(appliance, responds=responds)
        case Redefined():
            appliance, actions = _redefine(appliance, event, time)
        case TimerFired():
            appliance, actions = _each(appliance, [service.name for service in appliance.services], event, now)
        case _:
            appliance, actions = _each(appliance, [event.name], event, now)
    appliance, more = _advance(appliance, now)
    return _unless_given_up(appliance, actions + more)


def _record_problems(appliance: Appliance, problems: tuple[str, ...]) -> Decision:
    """Keep the problems, which make the appliance unhealthy. Log when they begin and when they end."""
    lines: list[Action] = []
    if problems and not appliance.record_problems:
        lines.append(LogLine("ERROR", "the appliance is unhealthy", {"reason": "; ".join(problems)}))
    if appliance.record_problems and not problems:
        lines.append(LogLine("INFO", "the problems are resolved", {"reason": "; ".join(appliance.record_problems)}))
    return replace(appliance, record_problems=problems), tuple(lines)


def _supervisord_status(appliance: Appliance, *, responds: bool) -> Decision:
    if responds == appliance.supervisord_responds:
        return appliance, ()
    line = (
        LogLine("INFO", "supervisord responds again") if responds else LogLine("ERROR", "supervisord does not respond")
    )
    return replace(appliance, supervisord_responds=responds), (line,)


def _unless_given_up(appliance: Appliance, actions: tuple[Action, ...]) -> Decision:
    """Note why the appliance is given up, if so, and drop the actions after that."""
    for place, action in enumerate(actions):
        if isinstance(action, GiveUp):
            return replace(appliance, given_up=action.reason), actions[: place + 1]
    return appliance, actions


# ---------------------------------------------------------------------------- all services


def _while_ending(appliance: Appliance, event: Event) -> Decision:
    """Start nothing; only keep track of the processes that end."""
    service = appliance.get(event.name) if isinstance(event, Ended) else None
    if isinstance(event, Stopping):
        return replace(appliance, stopping=True), ()
    if service is None:
        return appliance, ()
    return appliance.put(replace(service, phase=Phase.IDLE, timer_at=None)), (RemoveChecksum(service.name),)


def _each(appliance: Appliance, names: Iterable[str], event: ServiceEvent | TimerFired, now: Now) -> Decision:
    actions: tuple[Action, ...] = ()
    for name in names:
        if (service := appliance.get(name)) is None:
            continue
        changed, more = step(service, event, now)
        actions += more
        unregistered = any(isinstance(action, Unregister) for action in more)
        appliance = appliance.without(name) if unregistered else appliance.put(changed)
    return appliance, actions


def _advance(appliance: Appliance, now: Now) -> Decision:
    """Validate what is new; start the next service in turn, and validate the one after it."""
    actions: tuple[Action, ...] = ()
    ahead = 0
    for service in appliance.services:
        changed, more = _advanced(service, now, first=ahead == 0)
        appliance, actions = appliance.put(changed), actions + more
        ahead += not changed.startup_over
        if ahead > 1:
            break
    for service in appliance.services:
        changed, more = check_new(service, now)
        appliance, actions = appliance.put(changed), actions + more
    return appliance, actions


def _advanced(service: ServiceState, now: Now, *, first: bool) -> Step:
    if service.phase is Phase.WAITING:
        return begin(service, now)
    return start(service, now) if service.phase is Phase.READY and first else (service, ())


def _redefine(appliance: Appliance, event: Redefined, time: float) -> Decision:
    actions: tuple[Action, ...] = ()
    wanted: list[ServiceState] = []
    for definition, content in event.services:
        changed, more = _redefined(appliance.get(definition.name), definition, content, time)
        wanted.append(changed)
        actions += more
    names = {definition.name for definition, _ in event.services}
    for service in appliance.services:
        if service.name not in names:
            leaving, more = _removed(service)
            wanted += leaving
            actions += more
    return replace(appliance, services=tuple(wanted), max_starts=event.max_starts), actions


def _redefined(service: ServiceState | None, definition: Definition, content: str | None, time: float) -> Step:
    """A service with its new definition. It begins again if its command line has changed, or if it was leaving."""
    fresh = ServiceState(definition, content=content, missing="" if content else NOT_THERE, since=time)
    if service is None:
        return fresh, (LogLine("INFO", "service added", {"child": definition.name}),)
    is_leaving = service.phase is Phase.STOPPING and service.after_stop is AfterStop.UNREGISTER
    if service.definition.command_line == definition.command_line and not is_leaving:
        return replace(service, definition=definition), ()
    message = "service added" if is_leaving else "service definition changed"
    line = LogLine("INFO", message, {"child": definition.name})
    if service.phase in RUNNING:
        # the process of the old definition has to end first; its last good config belongs to that definition
        leaving = replace(fresh, phase=Phase.STOPPING, after_stop=AfterStop.BEGIN, starts=service.starts)
        return leaving, (line, Stop(service.name)) if service.phase is not Phase.STOPPING else (line,)
    return replace(fresh, starts=service.starts), (line,)


def _removed(service: ServiceState) -> tuple[list[ServiceState], tuple[Action, ...]]:
    """A service that is no longer in the config: its process, if there is one, has to end first."""
    line = LogLine("INFO", "service removed", {"child": service.name})
    leaving = replace(service, phase=Phase.STOPPING, after_stop=AfterStop.UNREGISTER, checking=None, timer_at=None)
    if service.phase is Phase.STOPPING:
        return [leaving], (line,) if service.after_stop is not AfterStop.UNREGISTER else ()
    if service.phase in RUNNING:
        return [leaving], (line, Stop(service.name))
    return [], (line, Unregister(service.definition))
