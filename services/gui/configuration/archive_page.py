"""Archived versions of a config file: keep, compare, restore, download, delete."""

from __future__ import annotations

import asyncio

from aiohttp import web

from gecholog.errors import NotJson
from services.gui.access.links import segment
from services.gui.configuration.opened import Opened, audit, editor, opened, require_edit
from services.gui.drafts.draft import checksum
from services.gui.drafts.draft_store import Conflict, DraftError
from services.gui.drafts.json_document import Document
from services.gui.drafts.secret_values import secrets_in
from services.gui.drafts.text_diff import count, diff
from services.gui.web.visit import Refused, Visit

TEMPLATE, DEPLOYED, DRAFT = "template", "deployed", "draft"
_ARCHIVED = "archive:"


async def show(visit: Visit) -> web.StreamResponse:
    """The archived versions, and what the draft can begin with."""
    found = await opened(visit)
    versions = await asyncio.to_thread(found.store.versions)
    template = found.store.template()
    return visit.page(
        "archive.html",
        **found.context,
        title="Versions",
        versions=versions,
        template_sha256=None if template is None else checksum(template),
        problem="",
    )


def content(found: Opened, source: str) -> bytes:
    """A version by its name: `draft`, `deployed`, `template`, or `archive:NAME`. Raises Refused."""
    data: bytes | None = None
    if source.startswith(_ARCHIVED):
        try:
            data = found.store.archived(source.removeprefix(_ARCHIVED))
        except DraftError as error:
            raise Refused(404, str(error)) from None
    elif source == TEMPLATE:
        data = found.store.template()
    elif source in {DEPLOYED, DRAFT}:
        data = found.state.deployed if source == DEPLOYED else found.state.data
    if data is None:
        raise Refused(404, "nothing is deployed yet" if source == DEPLOYED else "version not found")
    return data


async def compare(visit: Visit) -> web.StreamResponse:
    """What differs between a version and the draft."""
    found = await opened(visit)
    source = visit.query.get("with", DEPLOYED)
    old = found.shown(content(found, source))
    rows = await asyncio.to_thread(diff, old, found.shown(found.state.data))
    return visit.page(
        "diff.html", **found.context, title="Changes", rows=rows, changes=count(rows), source=source, name=_name(source)
    )


def _name(source: str) -> str:
    return source.removeprefix(_ARCHIVED)


async def keep(visit: Visit) -> web.StreamResponse:
    """Archive the draft or the deployed file under a name."""
    found = await opened(visit)
    require_edit(visit, found.file)
    name, source = visit.form.get("name", "").strip(), visit.form.get("source", DRAFT)
    data = content(found, source if source in {DRAFT, DEPLOYED} else DRAFT)
    try:
        await found.store.archive(name, data, replace=visit.form.get("replace") == "yes")
    except DraftError as error:
        raise Refused(422, str(error)) from None
    await audit(visit, "archive config", found.file, "", checksum(data), name=name)
    visit.flash(f"Archived as {name}.")
    return visit.redirect(f"/config/{found.file.name}/archive")


async def restore(visit: Visit) -> web.StreamResponse:
    """Make a version the draft. It is deployed only after that, as any other draft."""
    found = await opened(visit)
    require_edit(visit, found.file)
    source = visit.form.get("source", "")
    data = content(found, source)
    try:
        Document.of(data.decode("utf-8-sig", "replace"))
        state = await found.store.save(data, visit.form.get("expected", ""), editor(visit))
    except NotJson as error:
        raise Refused(422, f"this version is not JSON: {error}") from None
    except Conflict as error:
        raise Refused(409, str(error)) from None
    await audit(visit, "restore config", found.file, found.state.sha256, state.sha256, source=source)
    visit.flash(f"The draft is {_name(source)} now. Deploy it to put it in force.")
    return visit.redirect(f"/config/{found.file.name}")


async def delete(visit: Visit) -> web.StreamResponse:
    """Remove an archived version."""
    found = await opened(visit)
    require_edit(visit, found.file)
    name = visit.form.get("name", "")
    data = content(found, f"{_ARCHIVED}{name}")
    await found.store.delete_archived(name)
    await audit(visit, "delete archived config", found.file, checksum(data), "", name=name)
    visit.flash(f"{name} is deleted.")
    return visit.redirect(f"/config/{found.file.name}/archive")


async def download(visit: Visit) -> web.StreamResponse:
    """The bytes of a version, for those who may see its secrets; for others without them."""
    found = await opened(visit)
    source = visit.query.get("source", DRAFT)
    data = content(found, source)
    shown = data if found.may_see_secrets or _is_without_secrets(found, data) else found.shown(data).encode()
    name = f"{found.file.prefix}{_name(source)}.json" if source != DEPLOYED else found.file.production.name
    return web.Response(
        body=shown,
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{segment(name)}"'},
    )


def _is_without_secrets(found: Opened, data: bytes) -> bool:
    try:
        document = Document.of(data.decode("utf-8-sig", "replace"))
        return not secrets_in(document, found.schema)
    except NotJson:
        return False
