"""The list of tutorials, and what the panel of a tutorial asks while it waits for something to happen."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from gecholog import gateway_bus, key_store
from gecholog.errors import GechologError
from gecholog.health import ChecksumFile
from services.gui.configuration.list_page import items
from services.gui.configuration.opened import opened
from services.gui.drafts.draft import Phase
from services.gui.drafts.json_document import Document
from services.gui.live.filters import CallFilter
from services.gui.tutorials.catalogue import TUTORIALS
from services.gui.tutorials.goals import DraftFacts, Facts, KeyFacts, Seen, seen
from services.gui.tutorials.progress import Progress, step_of
from services.gui.tutorials.step import Goal
from services.gui.web.visit import Refused, Visit

_STOP_POLLING = 286  # htmx: this was the last one
_CALLS = 100  # the latest ones that may be the one that a step waits for
_CALL_GOALS = frozenset({Goal.CALL_SEEN, Goal.CLAUDE_CODE_SEEN, Goal.KEY_USED})
_KEY_GOALS = frozenset({Goal.KEY_MADE, Goal.KEY_USED})


async def index(visit: Visit) -> web.StreamResponse:
    """The list of tutorials. `?tutorial=N`, as in addresses of the original, leads to the page of that step."""
    if (named := step_of(visit.query.get("tutorial", ""))) is not None:
        page = named[1].pages[0]
        return visit.redirect(page.path, **dict(page.query), tutorial=named[1].number)
    return visit.page("tutorials.html", title="Tutorials", tutorials=TUTORIALS)


async def check(visit: Visit) -> web.StreamResponse:
    """Whether the goal of the present step has been reached: a part of the panel, or a page without scripts."""
    progress = visit.tutorial
    if progress is None or progress.step.goal is None:
        raise Refused(404, "no step of a tutorial waits for anything")
    result = await _result(visit, progress)
    if not visit.is_htmx:
        return visit.page("tutorial_check.html", title=progress.tutorial.title, result=result)
    return visit.page("tutorial_seen.html", _STOP_POLLING if result.is_reached else 200, result=result)


async def stop(visit: Visit) -> web.StreamResponse:
    """End the tutorial."""
    visit.end_tutorial()
    return visit.redirect("/tutorials")


async def _result(visit: Visit, progress: Progress) -> Seen:
    goal, live = progress.step.goal, visit.deps.live
    if goal is None:
        raise Refused(404, "this step waits for nothing")
    facts = Facts(
        progress.started,
        gateway=None
        if goal in _CALL_GOALS | _KEY_GOALS or goal is Goal.FILE_SINK_DEPLOYED
        else await _draft(visit, "gl"),
        sink=await _draft(visit, "nats2file") if goal is Goal.FILE_SINK_DEPLOYED else None,
        calls=list(live.latest(CallFilter(), _CALLS)) if goal in _CALL_GOALS else (),
        keys=await _keys(visit) if goal in _KEY_GOALS else (),
    )
    return seen(goal, facts)


async def _draft(visit: Visit, name: str) -> DraftFacts:
    found = await opened(visit, name)
    deployed: Any = {}
    with contextlib.suppress(GechologError):
        deployed = Document.of((found.state.deployed or b"{}").decode("utf-8-sig", "replace")).value()
    draft: Any = found.document.value() if found.document is not None else {}
    entries = items(found, "routers", "path") if found.document is not None and name == "gl" else []
    return DraftFacts(
        draft=draft if isinstance(draft, dict) else {},
        deployed=deployed if isinstance(deployed, dict) else {},
        rejected=frozenset(str(item.value.get("path")) for item in entries if item.state != "valid"),
        is_valid=found.is_valid,
        is_in_force=found.state.is_deployed and found.state.activation.phase is Phase.IN_FORCE,
        is_off=await asyncio.to_thread(ChecksumFile.of(name, visit.deps.home).is_off),
    )


async def _keys(visit: Visit) -> Sequence[KeyFacts]:
    deps = visit.deps
    where = gateway_bus.of_config(deps.config.applications["gl"].production_file, deps.home, deps.environ)
    async with key_store.opened(where.address, where.storage) as store:
        contents = await store.read()
    keys = sorted(contents.keys.values(), key=lambda key: key.created)
    return [KeyFacts(key.name, key.created, key.limits.budget is not None) for key in keys]
