"""Outbound: the target, its url, and the headers and body that go there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from gecholog import headers, rawjson
from gecholog.errors import NotJson
from gecholog.rawjson import Raw
from gecholog.timer import span
from services.gl import query, routing, streams
from services.gl.call import Outbound

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from gecholog.headers import Headers
    from services.gl.call import Call
    from services.gl.doors import Doors
    from services.gl.routing import Router

_PATH_SAFE = "/:@!$&'()*+,;=-._~"  # a path segment's characters that need no escape (RFC 3986, section 3.3)


_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_WRONG_FORM = "must be an object of name and list of values"


class Outgoing(NamedTuple):
    """Headers of a message that leaves: as sent, as the record shows them, and what was `removed` or `discarded`."""

    sent: Headers
    shown: Headers
    notes: dict[str, Headers]

    def without(self, names: frozenset[str]) -> Outgoing:
        """The same less some headers."""
        return Outgoing(headers.without(self.sent, names), headers.without(self.shown, names), self.notes)

    def with_header(self, name: str, value: str) -> Outgoing:
        """The same with one header set to one value."""
        return Outgoing(self.sent | {name: [value]}, self.shown | {name: [value]}, self.notes)

    def without_encoding(self) -> Outgoing:
        """For a body that a processor wrote: it is not encoded, whatever the one was that came."""
        return self.without(frozenset({"Content-Encoding"}))


def prepare(call: Call, _: Doors) -> None:
    """Decide where the call goes and what goes there; complete the request half of the record."""
    half, router = call.request, _chosen(call)
    fields = half.fields
    url_path, path = _path(call, router)
    merged = _query(call, router)
    shown = query.masked(merged, call.config.masked_parameters)
    field, before = fields.get("outbound_headers"), call.initial["outbound_headers"]
    try:
        outgoing = outgoing_headers(field, before, call.headers, router.target.headers, call)
    except ValueError as error:
        half.note("outbound_headers", str(error))
        outgoing = outgoing_headers({}, before, call.headers, router.target.headers, call)
    body = _body(call)
    if body is not call.body:
        outgoing = outgoing.without_encoding()
    if router.target.add_stream_usage and (asking := streams.usage_request(body)) is not None:
        body, outgoing = _with_usage(call, asking, outgoing)
    call.outbound_shown = outgoing.shown  # asynchronous processors go on seeing the headers as processors left them
    for name, value in outgoing.notes.items():
        fields[f"outbound_headers_{name}"] = value
    fields["url_path"] = url_path
    fields["outbound_query_parameters"] = shown.parameters
    if shown.overwritten:
        fields["outbound_query_parameters_overwritten"] = shown.overwritten
    call.target = router
    call.url = f"{url_path}?{shown.raw}" if shown.raw else url_path
    may_repeat = call.failover is not None
    call.outbound = Outbound(call.message.method, router, path, merged.raw, outgoing.sent, body, may_repeat)
    call.mark_sent()
    fields["ingress_outbound_timer"] = span(call.started, call.sent)


def _with_usage(call: Call, body: bytes, outgoing: Outgoing) -> tuple[bytes, Outgoing]:
    """Ask for the usage of a stream, and keep the chunk with the answer to that from the caller.

    The filter has to read the stream, so no content encoding is asked for.
    """
    call.usage_filter = streams.UsageFilter()
    call.request.fields["outbound_payload"] = Raw(body)
    return body, outgoing.without(frozenset({"Accept-Encoding"}))


def target(call: Call) -> Router:
    """The router that the call goes to, by what processors have written so far."""
    return call.config.routers.get(_chosen_path(call)) or call.router


def _chosen(call: Call) -> Router:
    """The router that the call goes to; if a processor has written another path, the record keeps the first one."""
    path = _chosen_path(call)
    if path == call.router.path:
        return call.router
    call.request.fields["original_gl_path"] = call.router.path
    if not isinstance(path, str):
        call.request.note("gl_path", "must be a string")
    return call.config.routers.get(path) or call.router


def _chosen_path(call: Call) -> Any:
    fields = call.request.fields
    return plain(fields["gl_path"]) if "gl_path" in fields else call.router.path


def plain(value: Any) -> Any:
    """A field's value, loaded if it is the raw JSON that a processor wrote; as it is if that cannot be loaded."""
    try:
        return rawjson.loads(value) if isinstance(value, Raw) else value
    except NotJson:  # nested too deeply: no field is meant to be
        return value


def _path(call: Call, router: Router) -> tuple[str, str]:
    field = call.request.fields.get("outbound_subpath")
    if field is call.initial["outbound_subpath"]:
        return routing.url_path(router.target, call.subpath, changed=False)
    subpath = plain(field)
    if not isinstance(subpath, str):
        if subpath is not None:
            call.request.note("outbound_subpath", "must be a string")
        subpath = ""
    if subpath == call.initial["outbound_subpath"]:
        return routing.url_path(router.target, call.subpath, changed=False)
    return routing.url_path(router.target, quote(subpath.encode("utf-8", "replace"), safe=_PATH_SAFE), changed=True)


def _query(call: Call, router: Router) -> query.Merged:
    """The query that goes out; what a processor left out is noted.

    Masked parameters keep the values that came, whatever a processor wrote.
    """
    fields, masked = call.request.fields, call.config.masked_parameters
    raw, given = call.message.query, call.query
    field = fields.get("outbound_query_parameters")
    if field is not call.initial.get("outbound_query_parameters"):
        given = tuple(pair for pair in given if pair.name in masked)
        try:
            given += query.encoded(headers.without(query.from_list(plain(field)), masked))
        except ValueError as error:
            call.request.note("outbound_query_parameters", str(error))
        raw = "&".join(pair.raw for pair in given)
    merged = query.merge(raw, given, router.target.query, router.target.endpoint_query)
    if given is not call.query and (lost := query.discarded(query.parameters(call.query), merged.parameters)):
        fields["outbound_query_parameters_discarded"] = lost  # never a masked one
    return merged


def outgoing_headers(
    field: Any,
    before: Headers,
    real: Headers,
    static: Headers,
    call: Call,
) -> Outgoing:
    """Headers of a message that leaves, the same as the record shows them, and notes of what was left out.

    `field` is the record's field (perhaps written by a processor), `before` what it was at first, `real` the headers
    that came, `static` those that are set whatever else is there. Masked headers keep the values that came, whatever a
    processor wrote; a static one wins over them. Raises ValueError if the field has a wrong form.
    """
    config = call.config
    notes: dict[str, Headers] = {}
    chosen = real
    if field is not before:
        given = as_headers(plain(field))
        kept = {name: values for name, values in real.items() if name in config.masked}
        chosen = headers.without(given, config.masked) | kept
        if lost := _lost(before, given, static, config.masked):
            notes["discarded"] = lost
    if "Connection" in real and (options := headers.connection_options(real)):
        chosen = headers.without(chosen, options)  # before what is set here: that is not the caller's to take away
    if static:
        chosen = chosen | static
    if removed := chosen.keys() & config.removed:
        notes["removed"] = {name: [] for name in sorted(removed)}
    sent = headers.without(chosen, config.never_forwarded)
    return Outgoing(sent, headers.masked(sent, config.masked), notes)


def _lost(before: Headers, given: Headers, static: Headers, masked: AbstractSet[str]) -> Headers:
    """What a processor left out. A masked header goes out all the same, and so does one that is set in any case."""
    lost = before.keys() - given.keys()
    return {name: [headers.MASK] if name in masked else [] for name in lost if name in masked or name not in static}


def as_headers(value: Any) -> Headers:
    """Headers as a processor wrote them, names made canonical. Raises ValueError if they have a wrong form.

    None is as good as an empty object: Go writes it for one.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(_WRONG_FORM)  # noqa: TRY004 - one error for all wrong forms
    result: Headers = {}
    for name, values in value.items():
        if not headers.is_name(name) or not isinstance(values, list) or not all(_is_value(text) for text in values):
            raise ValueError(_WRONG_FORM)
        result.setdefault(headers.canonical(name), []).extend(values)
    return result


def _is_value(text: Any) -> bool:
    """Tell whether `text` may stand behind a header's name: no control characters but tab (RFC 9110, section 5.5).

    Nor a lone surrogate, unless it stands for a byte (PEP 383): it could not be written.
    """
    if not isinstance(text, str) or _CONTROL.search(text):
        return False
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _body(call: Call) -> bytes:
    field = call.request.fields.get("outbound_payload")
    return call.body if field is call.initial["outbound_payload"] else body_of(field)


def body_of(value: Any) -> bytes:
    """The bytes of a payload that a processor wrote."""
    return bytes(value) if isinstance(value, Raw) else rawjson.dumps(value)
