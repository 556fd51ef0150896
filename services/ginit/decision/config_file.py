"""The config file of a service: new content is validated, and put in force if it is valid. Pure."""

from __future__ import annotations

from dataclasses import replace

from services.ginit.decision.actions import Action, Check, PutInForce, Reload
from services.ginit.decision.events import NOT_THERE, Checked, CheckTimedOut
from services.ginit.decision.reloading import RELOAD_LIMIT_S
from services.ginit.decision.starting import restart, start, stay_idle
from services.ginit.decision.state import Phase, RefusedConfig, ServiceState
from services.ginit.decision.transition import Now, Step, log, to_phase

_PAUSES_S = (2.0, 5.0, 15.0, 30.0, 60.0, 300.0)  # before a validation that ran out of time is tried again
_TOO_SLOW = "the validation of the config did not end in time"


def begin(service: ServiceState, now: Now) -> Step:
    """Validate the config before the first start."""
    if service.content is None:
        reason = f"the config file {service.missing or NOT_THERE}"
        return stay_idle(to_phase(service, now, Phase.IDLE, reason=reason))
    return _check(to_phase(service, now, Phase.CHECKING))


def check_new(service: ServiceState, now: Now) -> Step:
    """Validate the content of the config file if it is new, unless the service is busy with something else."""
    service = _new_again(service, now)
    busy = service.phase in {Phase.WAITING, Phase.RELOADING, Phase.STOPPING}
    if busy or service.checking or service.content is None or service.content == service.last_checked:
        return service, ()
    if service.content == service.in_force and service.phase not in {Phase.CHECKING, Phase.IDLE}:
        return replace(service, last_checked=service.content), ()
    return _check(service)


def _new_again(service: ServiceState, now: Now) -> ServiceState:
    """A content whose validation ran out of time counts as new once the pause after it is over."""
    if service.check_at is None or now.time < service.check_at:
        return service
    return replace(service, check_at=None, last_checked=None)


def _check(service: ServiceState) -> Step:
    content = service.content or ""
    return replace(service, checking=content, last_checked=content, check_at=None), (Check(service.name, content),)


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
    last_checked = _still_checked(service, sha256)
    changed = replace(service, content=sha256, missing="", last_checked=last_checked, check_timeouts=0, check_at=None)
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
    if not _is_wanted(service, event):
        return service, ()
    service = replace(service, check_timeouts=0)
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


def check_timed_out(service: ServiceState, event: CheckTimedOut, now: Now) -> Step:
    """Validate the content again after a pause: that time ran out, on a busy machine, says nothing about the content.

    Logged once for each time that the file is written. Services behind one that starts no longer wait for it.
    """
    if not _is_wanted(service, event):
        return service, ()
    pause_s = _PAUSES_S[min(service.check_timeouts, len(_PAUSES_S) - 1)]
    changed = replace(
        service,
        checking=None,
        check_timeouts=service.check_timeouts + 1,
        check_at=now.time + pause_s,
        refused=RefusedConfig(event.sha256, f"{_TOO_SLOW}, it is tried again"),
    )
    if service.phase is Phase.CHECKING:
        changed = replace(changed, is_late=True, reason=_TOO_SLOW)
    if service.check_timeouts:
        return changed, ()
    file = str(service.definition.configuration_file)
    kept = {"consequence": "the last good one stays in force"} if service.in_force else {}
    message = "config validation timed out, retrying"
    return changed, (log(service, "WARN", message, file=file, sha256=event.sha256, seconds=event.timeout_s, **kept),)


def _is_wanted(service: ServiceState, event: Checked | CheckTimedOut) -> bool:
    """Whether someone waits for a validation. One for a definition that has changed meanwhile does not count."""
    same_command = event.definition.command_line == service.definition.command_line
    return service.checking == event.sha256 and same_command


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
