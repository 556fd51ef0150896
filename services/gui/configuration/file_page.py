"""The list of config files, the page of one, and how a deployed file comes into force."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from aiohttp import web

from services.gui.configuration.opened import Opened, audit, may_edit, opened, require_edit, store_of
from services.gui.drafts.config_file import ConfigFile
from services.gui.drafts.draft import DraftState
from services.gui.drafts.draft_store import Conflict, DraftError
from services.gui.drafts.form_build import build
from services.gui.drafts.form_field import Field
from services.gui.drafts.text_diff import count, diff
from services.gui.web.visit import Refused, Visit

_PLAIN = "Settings"


@dataclass(frozen=True, slots=True)
class FileRow:
    """A line of the list of files. `state` is None if the file cannot be read."""

    file: ConfigFile
    state: DraftState | None
    may_edit: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Area:
    """A part of a file that has a form of its own. `state` is in the words of the original."""

    title: str
    description: str
    pointer: str
    state: str
    count: int | None = None


def areas(form: Field) -> Iterator[Area]:
    """The areas of a file: its plain fields together, and each of its sections and lists."""
    plain = [child for child in form.children if not has_page(child)]
    if plain:
        states = {child.state for child in plain}
        state = next((one for one in ("invalid", "has rejected") if one in states), "valid")
        yield Area(_PLAIN, ", ".join(child.title for child in plain), "", "invalid" if form.findings else state)
    for child in form.children:
        if has_page(child):
            size = len(child.children) if child.kind in {"links", "list"} else None
            yield Area(child.title, child.description, child.pointer, child.state, size)


def has_page(field: Field) -> bool:
    """Tell whether a part of a file has a form of its own."""
    return field.kind in {"object", "links", "map"} or any(child.kind in {"object", "list"} for child in field.children)


async def index(visit: Visit) -> web.StreamResponse:
    """All config files."""
    rows = await asyncio.to_thread(lambda: [_row(visit, store.file.name) for store in visit.deps.desk.stores()])
    return visit.page("config.html", title="Configuration", rows=rows)


def _row(visit: Visit, name: str) -> FileRow:
    store = visit.deps.desk.store(name)
    allowed = may_edit(visit, store.file)
    try:
        return FileRow(store.file, store.state(), allowed)
    except DraftError as error:
        return FileRow(store.file, None, allowed, str(error))


async def show(visit: Visit) -> web.StreamResponse:
    """One config file: draft, deployed file, config in force, and its areas."""
    return _page(await opened(visit, fresh="fresh" in visit.query))


def _page(found: Opened) -> web.Response:
    state = found.state
    rows = diff(found.shown(state.deployed), found.shown(state.data)) if state.deployed is not None else []
    form = None if found.document is None else build(found.form_source())
    return found.visit.page(
        "config_file.html",
        **found.context,
        title=found.file.title,
        areas=[] if form is None else list(areas(form)),
        changes=count(rows),
        now=found.visit.now,
    )


async def progress(visit: Visit) -> web.StreamResponse:
    """The part of the page that says how a deployed file comes into force, which it asks for again and again."""
    store = store_of(visit)
    try:
        state = await asyncio.to_thread(store.state)
    except DraftError as error:
        raise Refused(503, str(error)) from error
    return visit.page("progress.html", file=store.file, state=state, now=visit.now)


async def discard(visit: Visit) -> web.StreamResponse:
    """Begin again with the deployed file."""
    store = store_of(visit)
    require_edit(visit, store.file)
    expected = visit.form.get("expected", "")
    try:
        state = await store.discard(expected)
    except Conflict as error:
        raise Refused(409, str(error)) from None
    await audit(visit, "discard draft", store.file, expected, state.sha256)
    visit.flash("The draft is the deployed file again.")
    return visit.redirect(f"/config/{store.file.name}")
