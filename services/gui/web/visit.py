"""A visit: one request, who makes it, and how to answer it. Handlers take it and return a response."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlencode

from aiohttp import web
from multidict import MultiDict

from gecholog.errors import GechologError
from gecholog.logs import Log
from services.gui import roles, time_zone
from services.gui.access import cross_site, links, security_headers
from services.gui.access.client_address import Client
from services.gui.roles import Permission, Role
from services.gui.store import sessions
from services.gui.store.audit import AuditEntry
from services.gui.tutorials import progress
from services.gui.tutorials.progress import Progress
from services.gui.web.dependencies import Dependencies, Flash
from services.gui.web.rendering import THEME_COOKIE
from services.gui.web.route import Route

log = Log("web")

_MOST_FLASHES = 5
_MOST_TUTORIALS = 1000  # sessions that are in one


class Refused(Exception):
    """The request cannot be answered as asked: `status` and a sentence for people, without secrets."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Account:
    """Who makes a request. `session` is the id of the session, empty for a request with an API token.

    `maker` is whom the API tokens belong to that are made with this request (`store.tokens`).
    """

    name: str
    role: Role
    payloads: bool = False
    must_change: bool = False
    managed: bool = False
    session: str = ""
    csrf_token: str = ""
    maker: str = ""


@dataclass(slots=True)
class Visit:
    """One request. `account` is None if nobody is signed in; `now` is Unix time."""

    request: web.Request
    route: Route
    deps: Dependencies
    client: Client
    now: float
    account: Account | None = None
    form: MultiDict[str] = field(default_factory=MultiDict)
    """The fields of the form, in their order. Empty for GET and for bodies that are no form."""

    @property
    def path(self) -> str:
        return self.request.path

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query

    @property
    def user(self) -> Account:
        """The account of a visit whose route takes one."""
        if self.account is None:
            raise Refused(401, "sign in first")
        return self.account

    @property
    def csrf_token(self) -> str:
        """What forms of this visitor carry: on each page another text."""
        return cross_site.masked(self.account.csrf_token) if self.account and self.account.csrf_token else ""

    @property
    def theme(self) -> str:
        """The theme that the visitor has chosen; may be anything."""
        return self.request.cookies.get(THEME_COOKIE, "")

    @property
    def here(self) -> str:
        """The address of the page to which a form on it may lead back."""
        return self.request.path_qs if self.route.is_safe else "/mainmenu"

    @property
    def is_htmx(self) -> bool:
        """Whether htmx asks for a part of a page."""
        return self.request.headers.get("HX-Request") == "true"

    def allows(self, permission: Permission) -> bool:
        """Tell whether this visitor may do something."""
        if permission is Permission.PUBLIC:
            return True
        account = self.account
        return account is not None and roles.allows(account.role, permission, payloads=account.payloads)

    def require(self, permission: Permission) -> None:
        """Raise Refused unless the visitor may do something which the route alone does not decide."""
        if not self.allows(permission):
            role = self.user.role
            raise Refused(403, f"your role, {role}, does not allow this: an administrator can give you another")

    @property
    def zone(self) -> str:
        """The time zone for pages whose address names none: that of the config, else that of the browser, else UTC."""
        return time_zone.first_of(self.deps.config.time_zone, unquote(self.request.cookies.get(time_zone.COOKIE, "")))

    def link(self, path: str, /, **query: Any) -> str:
        """A link from this page to a path of the interface."""
        given = {name: value for name, value in query.items() if value not in (None, "")}
        return links.relative(self.path, path) + (f"?{urlencode(given)}" if given else "")

    def page(self, template: str, status: int = 200, *, is_compressed: bool = True, **values: Any) -> web.Response:
        """A page, or a part of one: the template with these values.

        A page with secrets of others is not compressed (`cross_site.masked`), nor is the answer to a form, which may
        show a new one.
        """
        values.setdefault("flashes", () if self.is_htmx else self.take_flashes())
        if not self.is_htmx:
            self._continue_tutorial()
        text = self.deps.renderer.render(template, self, values)
        response = web.Response(text=text, status=status, content_type="text/html")
        if is_compressed and self.route.is_safe:
            response.enable_compression()
        return response

    def part(self, template: str, **values: Any) -> str:
        """The HTML of a part of a page, for event streams."""
        return self.deps.renderer.render(template, self, {"flashes": (), **values})

    async def event_stream(self) -> web.StreamResponse:
        """Begin a response of Server-Sent Events."""
        headers = security_headers.headers(is_secure=self.client.is_secure, may_be_stored=False)
        response = web.StreamResponse(
            headers={**headers, "Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
        )
        await response.prepare(self.request)
        await response.write(b": hello\n\n")
        return response

    async def download(self, name: str, first: str, rest: AsyncIterator[str] | None = None) -> web.StreamResponse:
        """Send a file of CSV as it is made. What goes wrong meanwhile ends the connection: the file is incomplete."""
        headers = security_headers.headers(is_secure=self.client.is_secure, may_be_stored=False)
        response = web.StreamResponse(
            headers={
                **headers,
                "Content-Type": "text/csv; charset=utf-8",
                "Content-Disposition": f'attachment; filename="{name}"',
            }
        )
        await response.prepare(self.request)
        try:
            await response.write(first.encode())
            if rest is not None:
                async for text in rest:
                    await response.write(text.encode())
        except GechologError as error:
            log.warning("download broke off", path=self.path, reason=str(error))
            if self.request.transport is not None:
                self.request.transport.abort()
        return response

    async def is_still_signed_in(self) -> bool:
        """Tell whether the session goes on, without keeping it alive."""
        account, deps = self.account, self.deps
        if account is None or not account.session:
            return account is not None
        now = deps.clock()
        return await deps.read(
            lambda connection: sessions.is_alive(connection, account.session, deps.config.lifetime, now)
        )

    def redirect(self, path: str, **query: Any) -> web.Response:
        """Lead to another page of the interface: after a form (302, as the original), or from an old address."""
        return web.Response(status=302, headers={"Location": self.link(path, **query)})

    def flash(self, text: str, kind: str = "success") -> None:
        """Show a message on the next page. `kind`: success, warning or danger."""
        kept = self.deps.flashes.setdefault(self.user.session, [])
        kept.append(Flash(text, kind))
        del kept[:-_MOST_FLASHES]

    @property
    def tutorial(self) -> Progress | None:
        """Where this visitor is in a tutorial; None outside of one."""
        return self.deps.tutorials.get(self.account.session) if self.account is not None else None

    def end_tutorial(self) -> None:
        """Forget the tutorial of this session."""
        self.deps.tutorials.pop(self.user.session, None)

    def _continue_tutorial(self) -> None:
        """Go on with the tutorial on this page, or begin the one that the address names."""
        if self.account is None or not self.account.session or not self.route.is_safe:
            return
        before, kept = self.tutorial, self.deps.tutorials
        now = progress.chosen(self.query.get("tutorial", ""), self.path, before, self.now)
        if now is None and before is not None:
            now = progress.moved(before, self.path)
        if now is not None:
            kept.pop(self.account.session, None)
            kept[self.account.session] = now
            while len(kept) > _MOST_TUTORIALS:
                kept.pop(next(iter(kept)))

    def take_flashes(self) -> Iterable[Flash]:
        """The messages to show, once."""
        return self.deps.flashes.pop(self.account.session, []) if self.account is not None else []

    async def audit(
        self, action: str, subject: str = "", *, before: str = "", after: str = "", actor: str = "", **detail: Any
    ) -> None:
        """Write to the audit log that this visitor does something. `before` and `after` are checksums."""
        name = actor or (self.account.name if self.account is not None else "")
        await self.deps.audit(AuditEntry(self.now, name, self.client.address, action, subject, before, after, detail))
