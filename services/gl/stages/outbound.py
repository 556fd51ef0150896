"""Outbound: the target, its url, and the headers and body that go there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, unquote

from gecholog import headers, lenient, llm, rawjson
from gecholog.timer import span
from services.gl import query, routing
from services.gl.http import UpstreamRequest
from services.gl.outgoing import body_of, headers_written, outgoing_headers, plain

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from gecholog.rawjson import Raw
    from services.gl.call import Call
    from services.gl.doors import Doors
    from services.gl.outgoing import Outgoing
    from services.gl.routing import Router

_LARGE = 1024 * 1024  # bytes of a body that is not searched while other calls wait
_PATH_SAFE = "/:@!$&'()*+,;=-._~"  # a path segment's characters that need no escape (RFC 3986, section 3.3)


def prepare(call: Call, _: Doors) -> Awaitable[None] | None:
    """Decide where the call goes and what goes there; complete the request section of the record."""
    section, router = call.request_section, _chosen(call)
    fields = section.fields
    url_path, path = _path(call, router)
    merged = _query(call, router)
    shown = query.masked(merged, call.config.masked_parameters)
    written = headers_written(section, "outbound_headers")
    outgoing = outgoing_headers(written, call.outbound_offered, call.headers, router.target.headers, call.config)
    if router.target.removed:
        outgoing = outgoing.removing(router.target.removed)
    body = call.body
    if "outbound_payload" in section.changed:
        body, outgoing = body_of(fields["outbound_payload"]), outgoing.without_encoding()
    call.outbound_shown = outgoing.shown  # asynchronous processors go on seeing the headers as processors left them
    for name, value in outgoing.notes.items():
        fields[f"outbound_headers_{name}"] = value
    fields["url_path"] = url_path
    fields["outbound_query_parameters"] = shown.parameters
    if shown.overwritten:
        fields["outbound_query_parameters_overwritten"] = shown.overwritten
    call.target_router = router
    call.url = f"{url_path}?{shown.raw}" if shown.raw else url_path
    may_repeat = call.failover is not None
    call.outbound = UpstreamRequest(call.request.method, router, path, merged.raw, outgoing.sent, body, may_repeat)
    target = router.target
    if target.add_stream_usage and llm.takes_question(target.origin.host, path, outgoing.sent):
        if len(body) > _LARGE:
            return _ask_beside(call, outgoing)
        _ask(call, outgoing, _asking(body, path))
    _ready(call)
    return None


def _ready(call: Call) -> None:
    call.mark_sent()
    call.request_section.fields["ingress_outbound_timer"] = span(call.started, call.sent)


async def _ask_beside(call: Call, outgoing: Outgoing) -> None:
    """The same for a large body, in a thread: between its steps, each of which takes some 20 ms, other calls go on."""
    outbound = call.required_outbound()
    _ask(call, outgoing, await asyncio.to_thread(_asking, outbound.body, outbound.path))
    _ready(call)


class _Asking(NamedTuple):
    """A request that asks for usage: as it is `sent`, and as the record shows it, which is strict JSON."""

    sent: bytes
    shown: Raw | str


def _asking(body: bytes, path: str) -> _Asking | None:
    asking = llm.usage_request(body, path)
    if asking is None:
        return None
    found = lenient.strict(asking)
    return _Asking(asking, asking.decode("utf-8", "replace") if found is None else rawjson.payload(found.data))


def _ask(call: Call, outgoing: Outgoing, asking: _Asking | None) -> None:
    """Ask for the usage of a stream, and keep the chunk with the answer to that from the caller.

    The filter has to read the stream, so no content encoding is asked for.
    """
    if asking is None:
        return
    outgoing = outgoing.without(frozenset({"Accept-Encoding"}))
    outbound = call.required_outbound()
    outbound.body, outbound.headers = asking.sent, outgoing.sent
    call.outbound_shown = outgoing.shown
    call.usage_filter = llm.UsageFilter()
    call.request_section.fields["outbound_payload"] = asking.shown


def chosen_router(call: Call) -> Router:
    """The router that the call goes to, by what processors have written so far."""
    return call.config.routers.get(_chosen_path(call)) or call.router


def _chosen(call: Call) -> Router:
    """The router that the call goes to; if a processor has written another path, the record keeps the first one."""
    path = _chosen_path(call)
    if path == call.router.path:
        return call.router
    call.request_section.fields["original_gl_path"] = call.router.path
    if not isinstance(path, str):
        call.request_section.note("gl_path", "must be a string")
    return call.config.routers.get(path) or call.router


def _chosen_path(call: Call) -> Any:
    fields = call.request_section.fields
    return plain(fields["gl_path"]) if "gl_path" in fields else call.router.path


def _path(call: Call, router: Router) -> tuple[str, str]:
    if "outbound_subpath" not in call.request_section.changed:
        return routing.url_path(router.target, call.subpath, changed=False)
    subpath = plain(call.request_section.fields["outbound_subpath"])
    if not isinstance(subpath, str):
        if subpath is not None:
            call.request_section.note("outbound_subpath", "must be a string")
        subpath = ""
    if subpath == unquote(call.subpath):  # written, and not changed
        return routing.url_path(router.target, call.subpath, changed=False)
    return routing.url_path(router.target, quote(subpath.encode("utf-8", "replace"), safe=_PATH_SAFE), changed=True)


def _query(call: Call, router: Router) -> query.Merged:
    """The query that goes out; what a processor left out is noted.

    Masked parameters keep the values that came, whatever a processor wrote.
    """
    section, masked = call.request_section, call.config.masked_parameters
    raw, given = call.request.query, call.query
    is_written = "outbound_query_parameters" in section.changed
    if is_written:
        given = tuple(pair for pair in given if pair.name in masked)
        try:
            written = query.from_list(plain(section.fields["outbound_query_parameters"]))
            given += query.encoded(headers.without(written, masked))
        except ValueError as error:
            section.note("outbound_query_parameters", str(error))
        raw = "&".join(pair.raw for pair in given)
    merged = query.merge(raw, given, router.target.query, router.target.endpoint_query)
    if is_written and (lost := query.discarded(query.parameters(call.query), merged.parameters)):
        section.fields["outbound_query_parameters_discarded"] = lost  # never a masked one
    return merged
