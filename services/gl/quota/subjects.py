"""The subjects of a config that have limits. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog.quota.subject import Subject

if TYPE_CHECKING:
    from gecholog.quota.limits import Limits


def of_gateway(limits: Limits) -> tuple[Subject, ...]:
    """The gateway as a subject; empty if it has no limits."""
    return (Subject("gateway", limits),) if limits.is_set else ()


def of_router(path: str, limits: Limits) -> tuple[Subject, ...]:
    """A router as a subject; empty if it has no limits."""
    return (Subject(f"router.{path}", limits),) if limits.is_set else ()


def of_owner(name: str, limits: Limits) -> tuple[Subject, ...]:
    """An owner of keys as a subject; empty if it has no limits."""
    return (Subject(f"owner.{name}", limits),) if limits.is_set else ()


def of_key(key_id: str, limits: Limits) -> tuple[Subject, ...]:
    """A client key as a subject; empty if it has no limits."""
    return (Subject(f"key.{key_id}", limits),) if limits.is_set else ()
