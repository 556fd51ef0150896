"""What to do about a service that misses its heartbeats, or sends them again. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from services.ginit.decision.actions import Action, Kill, RemoveChecksum, WriteChecksum
from services.ginit.decision.state import SERVING
from services.ginit.decision.transition import log

if TYPE_CHECKING:
    from services.ginit.decision.state import ServiceState
    from services.ginit.decision.transition import Step


def heartbeat_missed(service: ServiceState, seconds: float) -> Step:
    """The service has not responded for `seconds`: it becomes unhealthy first, then it is killed, again and again."""
    if service.phase not in SERVING:
        return service, ()
    changed = replace(service, unresponsive_s=seconds)
    actions: tuple[Action, ...] = ()
    if changed.hangs and not service.hangs:
        line = log(service, "ERROR", "service sends no heartbeat", seconds=round(seconds))
        actions = (RemoveChecksum(service.name), line)
    limit = service.definition.hang_timeout
    if not limit or seconds - service.killed_at_s < limit:
        return changed, actions
    line = log(service, "ERROR", "killing service, it hangs", seconds=round(seconds))
    return replace(changed, killed_at_s=seconds), (*actions, line, Kill(service.name))


def heartbeat_seen(service: ServiceState) -> Step:
    """The service responds again. If it writes its checksum file itself, it does so now as well."""
    changed = replace(service, unresponsive_s=0.0, killed_at_s=0.0)
    if not service.hangs or service.phase not in SERVING:
        return changed, ()
    line = log(service, "INFO", "service sends heartbeats again")
    if service.writes_checksum:
        return changed, (line,)
    return changed, (WriteChecksum(service.name, service.last_good or ""), line)
