"""Forms for config files: a page for a section, or for an item of a list."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from services.gui.access import links
from services.gui.configuration.file_page import Area, areas, has_page
from services.gui.configuration.opened import Opened, audit, editor, opened, require_edit
from services.gui.drafts.draft_store import Conflict
from services.gui.drafts.form_apply import FormError, apply
from services.gui.drafts.form_build import build
from services.gui.drafts.form_field import Field
from services.gui.drafts.json_document import Document, joined, parent, steps
from services.gui.drafts.schema_path import subschema
from services.gui.drafts.write_error import CannotWrite
from services.gui.web.visit import Refused, Visit

_ENDING = ("save-exit",)


async def show(visit: Visit) -> web.StreamResponse:
    """The form of a section."""
    found = await opened(visit)
    return _page(found, _place(visit))


def _place(visit: Visit) -> str:
    pointer = visit.query.get("at", "")
    try:
        steps(pointer)
    except ValueError:
        raise Refused(400, "the address names no field") from None
    return pointer


def _page(found: Opened, pointer: str, status: int = 200, problem: str = "") -> web.Response:
    document = found.require_document()
    if pointer and document.find(pointer) is None and not subschema(found.schema, pointer):
        raise Refused(404, "the draft has no such field any more")
    form = build(found.form_source(), pointer)
    sections: list[Area] = []
    if not pointer:  # the sections of a file have pages of their own
        sections = [area for area in areas(form) if area.pointer]
        form = replace(form, children=tuple(child for child in form.children if not has_page(child)))
    return found.visit.page(
        "form.html",
        status,
        **found.context,
        title=_title(form, pointer),
        form=form,
        sections=sections,
        at=pointer,
        trail=_trail(found, pointer),
        problem=problem,
        is_item=_is_item(document, pointer),
        next=_next(found.visit),
    )


def _title(form: Field, pointer: str) -> str:
    named = next((child.text for child in form.children if child.name in {"path", "name"} and child.text), "")
    return named or (form.title if pointer else "Settings")


def _trail(found: Opened, pointer: str) -> list[tuple[str, str]]:
    """The titles and pointers of what the page is in, without the file itself and without the page."""
    trail, place = [], ""
    for step in steps(pointer)[:-1]:
        place = joined(place, step)
        schema = subschema(found.schema, place)
        if schema.get("title"):
            trail.append((str(schema["title"]), place))
    return trail


def _is_item(document: Document, pointer: str) -> bool:
    node = document.find(parent(pointer)[0]) if pointer else None
    return node is not None and node.kind == "["


def _next(visit: Visit) -> str:
    """Where to go after saving, if another page has led here."""
    target = visit.form.get("next", "") or visit.query.get("next", "")
    return target if links.is_local(target) else ""


async def save(visit: Visit) -> web.StreamResponse:
    """Save what was typed, and do what the button says."""
    found = await opened(visit)
    require_edit(visit, found.file)
    pointer, op = _place(visit), visit.form.get("op", "save")
    posted = [(name, value) for name, value in visit.form.items() if name[:2] in {"f:", "k:"}]
    _refuse_other_places(pointer, [name[2:] for name, _ in posted])
    if found.state.sha256 != visit.form.get("expected", ""):
        return _conflict(found, pointer, posted)
    try:
        found.refuse_guesses(apply(found.require_document(), found.schema, posted), posted)
        changed = apply(found.require_document(), found.schema, posted, op)
    except FormError as error:
        return _page(found, pointer, 422, str(error))
    data = _encoded(found, changed.text)
    try:
        state = await found.store.save(data, found.state.sha256, editor(visit))
    except Conflict:
        return _conflict(await opened(visit), pointer, posted)
    except CannotWrite as error:
        return _page(replace(found, document=changed), pointer, 503, f"Not saved. {error}.")
    if state.sha256 != found.state.sha256:
        await audit(visit, "edit config", found.file, found.state.sha256, state.sha256, field=pointer)
    return _after(found, pointer, op, changed)


def _refuse_other_places(pointer: str, places: list[str]) -> None:
    if not all(place == pointer or place.startswith(f"{pointer}/") for place in places):
        raise Refused(400, "a form changes only the fields of its own page")


def _encoded(found: Opened, text: str) -> bytes:
    """The bytes of a changed draft, with the mark at its beginning if it had one."""
    mark = b"\xef\xbb\xbf" if found.state.data.startswith(b"\xef\xbb\xbf") else b""
    return mark + text.encode("utf-8", "surrogatepass")


def _after(found: Opened, pointer: str, op: str, changed: Document) -> web.Response:
    """Where to go: back to the form, to the item that a button has made, or out of the form."""
    visit, word, place = found.visit, op.partition(":")[0], op.partition(":")[2]
    home = f"/config/{found.file.name}"
    if op in _ENDING or (word == "remove" and place == pointer):
        above = parent(pointer)[0] if _is_item(found.require_document(), pointer) else ""
        return _moved(visit, _next(visit) or home, at=above)
    if word in {"add", "copy"}:
        node = changed.find(place if word == "add" else parent(place)[0])
        if subschema(found.schema, place if word == "add" else parent(place)[0]).get("entry") and node is not None:
            index = len(node.children) - 1 if word == "add" else int(steps(place)[-1]) + 1
            item = joined(place if word == "add" else parent(place)[0], index)
            return visit.redirect(f"{home}/form", at=item, next=_next(visit))
    if (target := _next(visit)) and word in {"up", "down", "remove"}:
        return visit.redirect(target)
    response = visit.redirect(f"{home}/form", at=pointer, next=_next(visit))
    if word in {"add", "up", "down", "remove"}:
        response.headers["Location"] += f"#f{(place or pointer).replace('/', '-').replace('~', '-')}"
    return response


def _moved(visit: Visit, target: str, at: str) -> web.Response:
    if at and target.startswith("/config/"):
        return visit.redirect(f"{target}/form", at=at)
    return visit.redirect(target)


def _conflict(found: Opened, pointer: str, posted: list[tuple[str, str]]) -> web.Response:
    """Tell the second of two editors what is in the draft now, beside what was typed."""
    form = build(found.form_source(), pointer)
    theirs = {field.pointer: field for field in _leaves(form)}
    rows = []
    for name, text in posted:
        field = theirs.get(name[2:])
        if name.startswith("f:") and (
            field is None or (field.text != text.replace("\r\n", "\n") and not field.is_kept)
        ):
            is_secret = field is not None and field.kind == "secret"
            rows.append((name[2:], field.text if field is not None else "", "••••••" if is_secret and text else text))
    return found.visit.page(
        "conflict.html", 409, **found.context, title="Changed in the meantime", at=pointer, rows=rows
    )


def _leaves(field: Field) -> list[Field]:
    return [field] if not field.children else [leaf for child in field.children for leaf in _leaves(child)]
