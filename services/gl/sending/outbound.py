"""Builds an attempt: URL, query, headers and body of the request, and what the record shows of them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from gecholog import headers, trace_context
from gecholog.trace_context import TraceContext
from services.gl.attempt.attempt import Attempt
from services.gl.call_candidates import chosen_path, chosen_router
from services.gl.candidates.provider_target import shown_to_gateway
from services.gl.headers.policy import OutgoingHeaders, body_of, headers_written, outgoing_headers, plain
from services.gl.http import UpstreamRequest
from services.gl.models.address import CREDENTIAL_PARAMETERS, address, translated_address
from services.gl.routing import query
from services.gl.routing.routers import url_path

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from services.gl.attempt.attempt import TranslatedRequest
    from services.gl.call import Call
    from services.gl.candidates.candidate import Candidate, Place
    from services.gl.record.section import RecordSection
    from services.gl.routing.routers import Router
    from services.gl.sending.model_request import ProviderBody

_PATH_SAFE = "/:@!$&'()*+,;=-._~"  # characters of a path that need no escape (RFC 3986, section 3.3)

_TRACE_STATE = frozenset({trace_context.STATE_HEADER})


def build(call: Call, candidate: Candidate, adapted: ProviderBody | None = None) -> Attempt:
    """Build the attempt for a candidate from the request and what processors wrote. Does not change the call.

    `adapted` is the body for the provider of the candidate; None: the body is not adapted.
    """
    section, router = call.request_base.copy(), candidate.router
    fields = section.fields
    _name_router(call, section, router)
    translated = call.translated.get(candidate.key) if call.translated else None
    if (place := _place(call, candidate, translated)) is None:
        url_path, path = _path(call, section, router)
        merged = _query(call, section, router)
    else:
        url_path, path = place.url, place.path
        is_foreign = translated is not None or (
            candidate.provider is not None and candidate.provider.vertex is not None
        )
        merged = _query(call, section, router, place.query, is_foreign=is_foreign)
    shown = query.masked(merged, call.config.masked_parameters)
    outgoing = _headers(call, section, router)
    if chosen_router(call).continues_trace:
        outgoing = _continued(call, outgoing)
    body = call.body
    if "outbound_payload" in section.changed:
        body, outgoing = body_of(fields["outbound_payload"]), outgoing.without_encoding()
    if adapted is not None and adapted.data != body:
        body, outgoing = adapted.data, outgoing.without_encoding()
        fields["outbound_payload"] = adapted.shown
    for name, value in outgoing.notes.items():
        fields[f"outbound_headers_{name}"] = value
    fields["url_path"] = url_path
    fields["outbound_query_parameters"] = shown.parameters
    if shown.overwritten:
        fields["outbound_query_parameters_overwritten"] = shown.overwritten
    # who configures failover or retries accepts that a request may be sent twice
    may_repeat = len(call.candidates) > 1 or router.resilience.retries > 0
    method = call.request.method
    sent = candidate.usual_headers | outgoing.sent if candidate.usual_headers else outgoing.sent
    request = UpstreamRequest(method, router, path, merged.raw, sent, body, may_repeat, call.deadline)
    url = f"{url_path}?{shown.raw}" if shown.raw else url_path
    # the field outbound_headers of the section stays as processors left it
    return Attempt(candidate, request, section, url, outgoing.shown)


def _headers(call: Call, section: RecordSection, router: Router) -> OutgoingHeaders:
    """The headers of the request. The record never shows a provider's key, whatever the config masks."""
    rules = call.config.provider_header_rules if router.provider else call.config.header_rules
    written, static = headers_written(section, "outbound_headers"), router.target.headers
    return outgoing_headers(
        written, call.outbound_offered, call.headers, static, rules.withholding(_withheld(call, router))
    )


def _continued(call: Call, outgoing: OutgoingHeaders) -> OutgoingHeaders:
    """The headers with the span of this attempt as the upstream's parent. It has the id that the exported span gets."""
    record_id = call.record_id.hex()
    parent = trace_context.parse(headers.first(call.headers, trace_context.HEADER))
    span_id = trace_context.attempt_span_id(record_id, len(call.attempts))
    if parent is None:  # a `tracestate` belongs to a trace that the client does not name
        own = TraceContext(trace_context.trace_id_of(record_id), span_id)
        return outgoing.without(_TRACE_STATE).with_header(trace_context.HEADER, own.header)
    return outgoing.with_header(trace_context.HEADER, parent._replace(span_id=span_id).header)


def _withheld(call: Call, router: Router) -> frozenset[str]:
    """The headers that an upstream does not get. A provider never gets a key that a router requires of its clients."""
    if not router.provider:
        return router.target.removed
    required = {**call.router.required_headers, **router.required_headers}
    if not required:
        return router.target.removed
    return router.target.removed | shown_to_gateway(required).difference(router.target.headers)


def _place(call: Call, candidate: Candidate, translated: TranslatedRequest | None) -> Place | None:
    """The place of the endpoint at the provider of a candidate; None for the target of a plain router.

    `translated` is the request if it is translated.
    """
    provider, endpoint = candidate.provider, candidate.endpoint
    if provider is None or endpoint is None:
        return None
    if translated is not None:
        is_streamed, method = translated.translation.is_streamed, translated.method
        where = translated_address(provider, endpoint.path, candidate.model, is_streamed=is_streamed, method=method)
        return candidate.place_of(where)
    if provider.vertex is None or call.client_body is None:  # most calls
        return candidate.place
    is_streamed = call.client_body.asks_for_stream
    return candidate.place_of(address(provider, endpoint.path, candidate.model, is_streamed=is_streamed))


def _name_router(call: Call, section: RecordSection, router: Router) -> None:
    """Record the path of the router that the call goes to, and the original one if that is different."""
    if router.path == call.router.path and "gl_path" not in section.changed:  # most calls
        return
    path = chosen_path(call)
    if chosen_router(call) is not router:  # it goes to a fallback
        path = section.fields["gl_path"] = router.path
    if path == call.router.path:
        return
    section.fields["original_gl_path"] = call.router.path
    if not isinstance(path, str):
        section.note("gl_path", "must be a string")


def target_path(call: Call) -> str:
    """The path that a call will have at the target of its router, as processors have left it."""
    return _path(call, call.request_base.copy(), chosen_router(call))[1]


def _path(call: Call, section: RecordSection, router: Router) -> tuple[str, str]:
    if "outbound_subpath" not in section.changed:
        return url_path(router.target, call.subpath, changed=False)
    subpath = plain(section.fields["outbound_subpath"])
    if not isinstance(subpath, str):
        if subpath is not None:
            section.note("outbound_subpath", "must be a string")
        subpath = ""
    if subpath == unquote(call.subpath):  # written, but with the same value
        return url_path(router.target, call.subpath, changed=False)
    return url_path(router.target, quote(subpath.encode("utf-8", "replace"), safe=_PATH_SAFE), changed=True)


def _query(
    call: Call,
    section: RecordSection,
    router: Router,
    added: query.Pairs = (),
    *,
    is_foreign: bool = False,
) -> query.Merged:
    """The query of the request. Parameters that a processor left out are recorded.

    A request to a foreign API, of another dialect or with other paths, has none of the client's parameters.

    Masked parameters keep their received values, whatever a processor wrote. They are not sent to providers, because
    they are keys of the client.
    """
    masked = call.config.masked_parameters
    raw, given = ("", ()) if is_foreign else (call.query_text, call.query)
    is_written = "outbound_query_parameters" in section.changed
    if is_written:
        given = tuple(pair for pair in given if pair.name in masked)
        try:
            written = query.from_list(plain(section.fields["outbound_query_parameters"]))
            given += query.encoded(headers.without(written, masked))
        except ValueError as error:
            section.note("outbound_query_parameters", str(error))
        raw = "&".join(pair.raw for pair in given)
    if router.provider and given:
        given = tuple(pair for pair in given if not _is_credential(pair, masked))
        raw = "&".join(pair.raw for pair in given)
    merged = query.merge(raw, given, router.target.query, router.target.endpoint_query, added)
    if is_written and (lost := query.discarded(query.parameters(call.query), merged.parameters)):
        section.fields["outbound_query_parameters_discarded"] = lost  # never a masked one
    return merged


def _is_credential(pair: query.Pair, masked: AbstractSet[str]) -> bool:
    return pair.name in masked or pair.name.lower() in CREDENTIAL_PARAMETERS
