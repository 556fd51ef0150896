"""Determines the candidates of a call: its router, or the one that a processor chose, then the fallbacks.

Processors name fallbacks in `fallback_paths`, routers in their config. Those of processors come first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from services.gl.candidates.candidate import Candidate
from services.gl.headers.policy import plain
from services.gl.routing.routers import Action

if TYPE_CHECKING:
    from services.gl.call import Call
    from services.gl.routing.routers import Router, Table


_WHERE = frozenset({"gl_path", "fallback_paths"})  # fields with which a processor routes a call


class Fallbacks(NamedTuple):
    """The fallback routers in order, and notes on paths that do not name one."""

    routers: tuple[Router, ...]
    notes: tuple[str, ...]


def chosen_path(call: Call) -> Any:
    """The router path as processors left it. It may be of any type, and need not be the path of a router."""
    section = call.request_base
    return plain(section.fields["gl_path"]) if "gl_path" in section.changed else call.router.path


def chosen_router(call: Call) -> Router:
    """The router that processors have chosen so far; the call's own router if they chose none."""
    if "gl_path" not in call.request_base.changed:
        return call.router
    return call.config.routers.get(chosen_path(call)) or call.router


def candidates_of(call: Call) -> tuple[Candidate, ...]:
    """All candidates of a call, in order, perhaps with duplicates. Notes invalid fallbacks in the record."""
    section = call.request_base
    if section.changed.isdisjoint(_WHERE) and not call.router.resilience.fallbacks:  # most calls
        return call.config.candidates.of_router(call.router)
    chosen = Candidate(chosen_router(call))
    own = chosen.router.resilience.fallbacks
    if "fallback_paths" not in section.fields and not own:
        return (chosen,)
    written: tuple[Router, ...] = ()
    if "fallback_paths" in section.fields:
        found = fallbacks(plain(section.fields["fallback_paths"]), call.config.routers)
        for note in found.notes:
            section.note("fallback_paths", note)
        written = found.routers
    named = (router for path in own if (router := call.config.routers.get(path)) is not None)
    return (chosen, *map(Candidate, (*written, *named)))


def fallbacks(written: Any, routers: Table) -> Fallbacks:
    """Parse `fallback_paths`, which may have any form. Only routers that forward calls can be fallbacks."""
    if not isinstance(written, list) or not all(isinstance(path, str) for path in written):
        return Fallbacks((), ("must be a list of router paths",))
    found = {path: routers.get(path) for path in written}
    unknown = [path for path, router in found.items() if router is None]
    echoes = [path for path, router in found.items() if router is not None and router.action is Action.ECHO]
    models = [path for path, router in found.items() if router is not None and router.action is Action.MODELS]
    left_out = ("no router has this path", unknown), ("it is an echo", echoes), ("it has no target", models)
    return Fallbacks(
        tuple(router for router in found.values() if router is not None and router.action is Action.FORWARD),
        tuple(f"ignored, because {why}: {', '.join(paths)}" for why, paths in left_out if paths),
    )
