"""Roles of users, and what each of them may do."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What kind of user someone is."""

    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"


class Permission(StrEnum):
    """What a route asks of a visitor."""

    PUBLIC = "public"
    """Nothing: the visitor need not be signed in."""
    ACCOUNT = "account"
    """To be signed in, even with a password that has to be changed first."""
    VIEW = "view"
    """To read everything but secrets, payloads, users and the audit log."""
    SEE_PAYLOADS = "see payloads"
    """To see what clients ask and models answer; given to each user separately."""
    EDIT_CONFIG = "edit config"
    """To change the config of the gateway, its sinks and its processors."""
    EDIT_PROGRAMS = "edit programs"
    """To change the config of ginit, gui and nats-server, which name programs and who may sign in."""
    EDIT_KEYS = "edit keys"
    """To make, change and revoke client keys."""
    ADMINISTER = "administer"
    """To manage users and API tokens, and to read the audit log."""


_EVERYBODY = frozenset(Role)
_EDITORS = frozenset({Role.ADMIN, Role.EDITOR})
_ADMINS = frozenset({Role.ADMIN})

_ROLES = {
    Permission.PUBLIC: _EVERYBODY,
    Permission.ACCOUNT: _EVERYBODY,
    Permission.VIEW: _EVERYBODY,
    Permission.EDIT_CONFIG: _EDITORS,
    Permission.EDIT_KEYS: _EDITORS,
    Permission.EDIT_PROGRAMS: _ADMINS,
    Permission.ADMINISTER: _ADMINS,
}


def allows(role: Role, permission: Permission, *, payloads: bool = False) -> bool:
    """Tell whether a user may do something. `payloads` is whether this user may see payloads."""
    return payloads if permission is Permission.SEE_PAYLOADS else role in _ROLES[permission]
