"""The raw editor: the text of a draft, with findings by line."""

from __future__ import annotations

from collections import defaultdict

from aiohttp import web
from markupsafe import Markup
from pygments import lex
from pygments.lexers.data import JsonLexer
from pygments.token import STANDARD_TYPES

from gecholog import regular_file
from gecholog.errors import NotJson
from gecholog.finding import Finding
from services.gui.configuration.opened import Opened, audit, editor, opened, require_edit
from services.gui.drafts.draft_store import Conflict
from services.gui.drafts.json_document import Document
from services.gui.drafts.text_diff import diff
from services.gui.drafts.write_error import CannotWrite
from services.gui.web.visit import Refused, Visit

LARGEST = 2 * 1024 * 1024
"""Bytes of a text that can be saved."""


async def show(visit: Visit) -> web.StreamResponse:
    """The text, in an editor for those who may change it, and with colours."""
    return _page(await opened(visit, fresh="fresh" in visit.query))


def _page(found: Opened, status: int = 200, *, problem: str = "", typed: str | None = None) -> web.Response:
    text = found.shown(found.state.data)
    response = found.visit.page(
        "raw.html",
        status,
        **found.context,
        title="Raw JSON",
        text=text if typed is None else typed,
        lines=[] if typed is not None else coloured(text),
        by_line=by_line(found.findings),
        may_type=found.may_edit and not found.has_hidden_secrets,
        problem=problem,
        rows=[] if typed is None else diff(text, typed),
    )
    response.enable_compression()  # also of an answer to the form: the text is in it twice
    return response


def by_line(findings: tuple[Finding, ...]) -> dict[int, list[Finding]]:
    """The findings by the lines that they are about."""
    found: dict[int, list[Finding]] = defaultdict(list)
    for finding in findings:
        found[finding.line or 1].append(finding)
    return dict(found)


def coloured(text: str) -> list[Markup]:
    """The lines of a JSON text as HTML, with Pygments' classes. Everything in the text is escaped."""
    lines, current = [], Markup()
    for kind, value in lex(text, JsonLexer(stripnl=False, ensurenl=False)):
        name = next((STANDARD_TYPES[one] for one in reversed(kind.split()) if STANDARD_TYPES.get(one)), "")
        first, *others = value.split("\n")
        current += _span(name, first)
        for piece in others:
            lines.append(current)
            current = _span(name, piece)
    return [*lines, current] if current else lines


def _span(name: str, text: str) -> Markup:
    if not text:
        return Markup()
    return (
        Markup('<span class="{}">{}</span>').format(name, text) if name and name != "w" else Markup("{}").format(text)
    )


async def save(visit: Visit) -> web.StreamResponse:
    """Replace the text of the draft; what is not JSON is kept as well, and is invalid."""
    found = await opened(visit)
    require_edit(visit, found.file)
    if found.has_hidden_secrets:
        raise Refused(403, "the file holds secrets that your role may not see: use the forms")
    typed = visit.form.get("text", "").replace("\r\n", "\n")
    refuse_guesses(found, typed)
    data = encoded(typed, found.state.data)
    if len(data) > min(LARGEST, regular_file.LARGEST):
        raise Refused(413, f"at most {LARGEST} bytes")
    try:
        state = await found.store.save(data, visit.form.get("expected", ""), editor(visit))
    except Conflict as error:
        return _page(await opened(visit), 409, problem=str(error), typed=typed)
    except CannotWrite as error:
        return _page(found, 503, problem=str(error), typed=typed)
    if state.sha256 != found.state.sha256:
        await audit(visit, "edit config", found.file, found.state.sha256, state.sha256, field="")
        visit.flash("The draft is saved.")
    return visit.redirect(f"/config/{found.file.name}/raw")


def refuse_guesses(found: Opened, typed: str) -> None:
    """Raise Refused if the whole text has a secret that its author may not write there."""
    try:
        document = Document.of(typed)
    except NotJson:
        return
    found.refuse_guesses(document)


def encoded(typed: str, before: bytes) -> bytes:
    """The bytes of what was typed, with the line breaks and the mark at the beginning that the draft had.

    A browser sends its own line breaks, and may drop the one at the beginning of a text.
    """
    if b"\r\n" in before and before.count(b"\r\n") == before.count(b"\n"):
        typed = typed.replace("\n", "\r\n")
    mark = b"\xef\xbb\xbf" if before.startswith(b"\xef\xbb\xbf") else b""
    return mark + typed.encode("utf-8", "replace")
