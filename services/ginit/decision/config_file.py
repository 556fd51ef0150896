"""The config file of a service: new content is validated, and put in force if it is valid. Pure."""

from __future__ import annotations

from dataclasses import replace

from services.ginit.decision.actions import Action, Check, PutInForce, Reload
from services.ginit.decision.events import NOT_THERE, Checked
from services.ginit.decision.reloading import RELOAD_LIMIT_S
from services.ginit.decision.starting import restart, start, stay_idle
from services.ginit.decision.state import Phase, RefusedConfig, ServiceState
from services.ginit.decision.transition import Now, Step, log, to_phase


def begin(service: ServiceState, now: Now) -> Step:
    """Validate the config before the first start."""
    if service.content is None:
        reason = f"the config file {service.missing or NOT_THERE}"
        return stay_idle(to_phase(service, now, Phase.IDLE, reason=reason))
    return _check(to_phase(service, now, Phase.CHECKING))


def check_new(service: ServiceState) -> Step:
    """Validate the content of the config file if it is new, unless the service is busy with something else."""
    busy = service.phase in {Phase.WAITING, Phase.CHECKING, Phase.RELOADING, Phase.STOPPING}
    if busy or service.checking or service.content is None or service.content == service.last_checked:
        return service, ()
    if service.content == service.in_force and service.phase is not Phase.IDLE:
        return replace(service, last_checked=service.content), ()
    return _check(service)


def _check(service: ServiceState) -> Step:
    content = service.content or ""
    return replace(service, checking=content, last_checked=content), (Check(service.name, content),)


def content_changed(service: ServiceState, sha256: str | None, missing: str) -> Step:
    """The file was written, also with the content that it had, or cannot be read any more."""
    return _missing(service, missing) if sha256 is None else _written(service, sha256)


def _missing(service: ServiceState, missing: str) -> Step:
    if service.missing == missing:
        return service, ()
    file = str(service.definition.configuration_file)
    if missing == NOT_THERE:
        line = log(service, "WARN", "config file is missing, the config in force stays", file=file)
    else:
        line = log(
            service, "ERROR", "cannot read config file, the config in force stays", file=file, reason=f"it {missing}"
        )
    return replace(service, missing=missing), (line,)


def _written(service: ServiceState, sha256: str) -> Step:
    changed = replace(service, content=sha256, missing="", last_checked=_still_checked(service, sha256))
    if sha256 != service.in_force or service.content in {None, sha256}:
        return changed, ()
    file = str(service.definition.configuration_file)
    return changed, (log(service, "INFO", "config file matches the config in force again", file=file, sha256=sha256),)


def _still_checked(service: ServiceState, sha256: str) -> str | None:
    """The content that counts as validated. One that is written again does not: what was wrong may be corrected."""
    again = sha256 == service.content == service.last_checked and not service.checking
    is_in_force = sha256 == service.in_force and service.phase is not Phase.IDLE
    return None if again and not is_in_force else service.last_checked


def checked(service: ServiceState, event: Checked, now: Now) -> Step:
    """The validation has ended."""
    is_wanted = service.checking == event.sha256
    if not is_wanted or event.definition.command_line != service.definition.command_line:
        return service, ()  # it was started for a definition that has changed meanwhile
    if event.valid:
        return _valid(replace(service, checking=None, refused=None, in_force=event.sha256), now)
    refused = RefusedConfig(event.sha256, event.reason or "the config is not valid")
    service = replace(service, checking=None, refused=refused)
    file = str(service.definition.configuration_file)
    if service.phase is not Phase.CHECKING:
        kept = {"consequence": "the last good one stays in force"} if service.in_force else {}
        return service, (log(service, "ERROR", "config is not valid", file=file, sha256=event.sha256, **kept),)
    line = log(service, "ERROR", "config is not valid", file=file, sha256=event.sha256)
    idle, actions = stay_idle(to_phase(service, now, Phase.IDLE, reason="the config is not valid"))
    return idle, (line, *actions)


def _valid(service: ServiceState, now: Now) -> Step:
    """Put the content in force; how the service gets it depends on its phase."""
    changed: ServiceState = service
    actions: tuple[Action, ...] = ()
    match service.phase:
        case Phase.CHECKING:
            changed = to_phase(service, now, Phase.READY)
        case Phase.IDLE if not service.starts:  # corrected before its turn has come
            changed = to_phase(service, now, Phase.READY)
        case Phase.IDLE | Phase.PAUSING:
            changed, actions = start(replace(service, failures=0), now)
        case Phase.HEALTHY if service.can_reload:
            timer_at = now.time + RELOAD_LIMIT_S
            changed = to_phase(service, now, Phase.RELOADING, since=service.since, timer_at=timer_at)
            actions = (Reload(service.name),)
        case Phase.HEALTHY | Phase.STARTING:
            changed, actions = restart(service, now)
        case _:
            pass  # its next start takes the file that is in force
    return changed, (PutInForce(service.name, service.in_force or ""), *actions)
