"""What to do next: (what is known, what happened, the time) → (what is known now, what to do). Pure functions.

This file sees to all services together, `step` to one of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from services.ginit.config import Definition
from services.ginit.decision.events import (
    NOT_THERE,
    Action,
    Ended,
    Event,
    Forget,
    GiveUp,
    OfOne,
    Redefined,
    RemoveChecksum,
    Say,
    Stop,
    Stopping,
    Supervised,
    Tick,
    Troubled,
)
from services.ginit.decision.state import RUNNING, Appliance, Phase, Service, Then
from services.ginit.decision.step import At, Step, begin, look, start, take

Decision = tuple[Appliance, tuple[Action, ...]]


def decide(appliance: Appliance, event: Event, now: float) -> Decision:
    """Take an event in; `now` is a steady clock's time in seconds."""
    if appliance.stopping or appliance.given_up:
        return _while_ending(appliance, event)
    at = At(now, appliance.max_starts)
    match event:
        case Stopping():
            return replace(appliance, stopping=True), ()
        case Troubled(problems=problems):
            return _troubled(appliance, problems)
        case Supervised(answers=answers):
            return _supervised(appliance, answers=answers)
        case Redefined():
            appliance, actions = _redefine(appliance, event, now)
        case Tick():
            appliance, actions = _each(appliance, [service.name for service in appliance.services], event, at)
        case _:
            appliance, actions = _each(appliance, [event.name], event, at)
    appliance, more = _advance(appliance, at)
    return _unless_given_up(appliance, actions + more)


def _troubled(appliance: Appliance, problems: tuple[str, ...]) -> Decision:
    """Health follows what is wrong; that it began and that it is over is said."""
    said: list[Action] = []
    if problems and not appliance.problems:
        said.append(Say("ERROR", "the appliance is unhealthy", {"reason": "; ".join(problems)}))
    if appliance.problems and not problems:
        said.append(Say("INFO", "the problems are over", {"reason": "; ".join(appliance.problems)}))
    return replace(appliance, problems=problems), tuple(said)


def _supervised(appliance: Appliance, *, answers: bool) -> Decision:
    if answers == appliance.supervised:
        return appliance, ()
    said = Say("INFO", "supervisord answers again") if answers else Say("ERROR", "supervisord does not answer")
    return replace(appliance, supervised=answers), (said,)


def _unless_given_up(appliance: Appliance, actions: tuple[Action, ...]) -> Decision:
    """Giving up is the last thing that is done."""
    for place, action in enumerate(actions):
        if isinstance(action, GiveUp):
            return replace(appliance, given_up=action.reason), actions[: place + 1]
    return appliance, actions


# ---------------------------------------------------------------------------- all services


def _while_ending(appliance: Appliance, event: Event) -> Decision:
    """Nothing is started any more; only who has ended is kept track of."""
    service = appliance.get(event.name) if isinstance(event, Ended) else None
    if isinstance(event, Stopping):
        return replace(appliance, stopping=True), ()
    if service is None:
        return appliance, ()
    return appliance.put(replace(service, phase=Phase.IDLE, due=None)), (RemoveChecksum(service.name),)


def _each(appliance: Appliance, names: Iterable[str], event: OfOne | Tick, at: At) -> Decision:
    actions: tuple[Action, ...] = ()
    for name in names:
        if (service := appliance.get(name)) is None:
            continue
        changed, more = take(service, event, at)
        actions += more
        forgotten = any(isinstance(action, Forget) for action in more)
        appliance = appliance.without(name) if forgotten else appliance.put(changed)
    return appliance, actions


def _advance(appliance: Appliance, at: At) -> Decision:
    """Validate what is new; start the next service when those before it are settled, validate the one after it."""
    actions: tuple[Action, ...] = ()
    ahead = 0
    for service in appliance.services:
        changed, more = _advanced(service, at, first=ahead == 0)
        appliance, actions = appliance.put(changed), actions + more
        ahead += not changed.settled
        if ahead > 1:
            break
    for service in appliance.services:
        changed, more = look(service)
        appliance, actions = appliance.put(changed), actions + more
    return appliance, actions


def _advanced(service: Service, at: At, *, first: bool) -> Step:
    if service.phase is Phase.WAITING:
        return begin(service, at)
    return start(service, at) if service.phase is Phase.READY and first else (service, ())


def _redefine(appliance: Appliance, event: Redefined, now: float) -> Decision:
    actions: tuple[Action, ...] = ()
    wanted: list[Service] = []
    for definition, content in event.services:
        changed, more = _redefined(appliance.get(definition.name), definition, content, now)
        wanted.append(changed)
        actions += more
    names = {definition.name for definition, _ in event.services}
    for service in appliance.services:
        if service.name not in names:
            leaving, more = _dismissed(service)
            wanted += leaving
            actions += more
    return replace(appliance, services=tuple(wanted), max_starts=event.max_starts), actions


def _redefined(service: Service | None, definition: Definition, content: str | None, now: float) -> Step:
    """A service under its new definition. One that is called in another way has to begin anew."""
    fresh = Service(definition, content=content, missing="" if content else NOT_THERE, since=now)
    if service is None:
        return fresh, (Say("INFO", "service added", {"child": definition.name}),)
    if _called_alike(service.definition, definition):
        return replace(service, definition=definition), ()
    said = Say("INFO", "service is defined anew", {"child": definition.name})
    if service.phase in RUNNING:
        # the process in its old shape has to end first; its good config belongs to that shape
        leaving = replace(fresh, phase=Phase.STOPPING, then=Then.BEGIN, starts=service.starts)
        return leaving, (said, Stop(service.name)) if service.phase is not Phase.STOPPING else (said,)
    return replace(fresh, starts=service.starts), (said,)


def _called_alike(one: Definition, other: Definition) -> bool:
    return _call(one) == _call(other)


def _call(definition: Definition) -> tuple[object, ...]:
    return (
        definition.program,
        definition.config_command,
        definition.configuration_file,
        definition.additional_arguments,
    )


def _dismissed(service: Service) -> tuple[list[Service], tuple[Action, ...]]:
    """A service that is no longer wanted: its process, if there is one, has to end first."""
    said = Say("INFO", "service removed", {"child": service.name})
    leaving = replace(service, phase=Phase.STOPPING, then=Then.FORGET, checking=None, due=None)
    if service.phase is Phase.STOPPING:
        return [leaving], (said,) if service.then is not Then.FORGET else ()
    if service.phase in RUNNING:
        return [leaving], (said, Stop(service.name))
    return [], (said, Forget(service.definition))
