"""What to do next about a service that gives no sign of life, or gives one again. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from services.ginit.decision.events import Action, Kill, LogLine, RemoveChecksum, WriteChecksum
from services.ginit.decision.state import SERVING

if TYPE_CHECKING:
    from services.ginit.decision.state import Service

    Step = tuple[Service, tuple[Action, ...]]


def silent(service: Service, seconds: float) -> Step:
    """It has been silent for so long: first it is not healthy any more, then it is killed, again and again."""
    if service.phase not in SERVING:
        return service, ()
    changed = replace(service, silent=seconds)
    actions: tuple[Action, ...] = ()
    if changed.hangs and not service.hangs:
        said = LogLine("ERROR", "service gives no sign of life", {"child": service.name, "seconds": round(seconds)})
        actions = (RemoveChecksum(service.name), said)
    limit = service.definition.hang_timeout
    if not limit or seconds - service.killed < limit:
        return changed, actions
    said = LogLine("ERROR", "service is killed, it hangs", {"child": service.name, "seconds": round(seconds)})
    return replace(changed, killed=seconds), (*actions, said, Kill(service.name))


def alive(service: Service) -> Step:
    """It has given a sign of life. One that writes its checksum file itself does so then."""
    changed = replace(service, silent=0.0, killed=0.0)
    if not service.hangs or service.phase not in SERVING:
        return changed, ()
    said = LogLine("INFO", "service gives signs of life again", {"child": service.name})
    if service.writes_checksum:
        return changed, (said,)
    return changed, (WriteChecksum(service.name, service.good or ""), said)
