"""Routes: an address, the permission that it takes, and its handler. The application serves nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from services.gui.roles import Permission

Handler = Callable[[Any], Awaitable[web.StreamResponse]]
"""Takes a Visit (web.visit, which imports this module)."""


@dataclass(frozen=True, slots=True)
class Route:
    """One address with a method. `path` may have variables, such as `/users/{name}`.

    `is_quiet`: what a page requests without its visitor, which does not keep a session alive. `is_api`: answers JSON,
    also errors, and takes bearer tokens. `is_form`: its body is a form, which the visit reads and checks before the
    handler runs. `largest_body` is in bytes. `is_passed_on`: sessions, cross-site checks and headers of ours do not
    apply, because the gateway judges the request. `is_open` tells of a config that nobody need be signed in for it.
    """

    method: str
    path: str
    permission: Permission
    handler: Handler
    is_quiet: bool = False
    is_api: bool = False
    is_form: bool = True
    is_passed_on: bool = False
    largest_body: int = 1024 * 1024
    is_open: Callable[[Any], bool] = lambda _: False

    @property
    def kind(self) -> str:
        """What its duration is counted as; empty for streams and calls of the gateway, which may take long."""
        if self.is_passed_on or self.path.endswith(("/stream", "/events")):
            return ""
        return "api" if self.is_api else "page" if self.is_safe else "form"

    @property
    def is_safe(self) -> bool:
        """Whether it changes nothing."""
        return self.method == "GET"


@dataclass(frozen=True, slots=True)
class NavigationEntry:
    """An entry of the navigation: shown to visitors with the permission, in the order of `place`.

    `icon` is the name of a Lucide icon that `assets/manifest.json` lists. An entry is current on its own path and on
    those below it, and on the paths that begin with one of `also`.
    """

    title: str
    path: str
    icon: str
    place: int
    permission: Permission = Permission.VIEW
    also: tuple[str, ...] = ()

    def is_current(self, path: str) -> bool:
        """Whether a page belongs to this entry."""
        return path == self.path or path.startswith((self.path + "/", *self.also))


def get(path: str, permission: Permission, handler: Handler, *, is_quiet: bool = False) -> Route:
    """A page or a part of one."""
    return Route("GET", path, permission, handler, is_quiet)


def post(path: str, permission: Permission, handler: Handler) -> Route:
    """The target of a form."""
    return Route("POST", path, permission, handler)
