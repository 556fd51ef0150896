"""Undoes decisions about services whose config cannot be written now. The event is handled again later. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.ginit.decision.actions import Action, GiveUp, LogLine, RemoveChecksum, Unregister

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from services.ginit.decision.state import Appliance


def undo(before: Appliance, after: Appliance, names: Iterable[str]) -> Appliance:
    """The state after a decision, in which these services are as before."""
    for name in names:
        if (service := before.get(name)) is not None:
            after = after.put(service)
    return after


def without(actions: Iterable[Action], names: Container[str]) -> tuple[Action, ...]:
    """The actions that do not belong to the state of these services."""
    return tuple(action for action in actions if _belongs_to(action) not in names)


def _belongs_to(action: Action) -> str:
    """The service whose state an action belongs to. Its end is a fact, so it loses its checksum file in any case."""
    if isinstance(action, RemoveChecksum | Unregister | GiveUp):
        return ""
    return str(action.fields.get("child", "")) if isinstance(action, LogLine) else action.name
