"""Ingress: begins the record with the request, and refuses requests without the required headers."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING
from urllib.parse import unquote

from gecholog import headers
from services.gl import query
from services.gl.errors import ErrorDetail, Refusal
from services.gl.record import payload

if TYPE_CHECKING:
    from collections.abc import Callable

    from gecholog.record import Fields
    from services.gl.call import Call
    from services.gl.config import Config
    from services.gl.dependencies import Dependencies

_UNAUTHORIZED = HTTPStatus.UNAUTHORIZED.value
_NOT_RECORDED = frozenset({"Host", "Transfer-Encoding"})


def read_head(call: Call, deps: Dependencies) -> None:
    """Check the headers that the router requires, and begin the record."""
    config, request = call.config, call.request
    call.headers = request.headers
    call.client_address = client_address(request.client, call.headers, config)
    unmet = headers.unmet(call.router.required_headers, call.headers)
    if unmet and not config.log_unauthorized:
        call.is_recorded = False
        deps.observe_unrecorded(call.router.path, _UNAUTHORIZED)
        raise _unauthorized(unmet, config)
    call.unmet = unmet
    call.query = query.parse(request.query)
    call.request_section.fields = _head_fields(call, refused=unmet is not None)


async def read_body(call: Call, deps: Dependencies) -> None:
    """Read and record the body. A call without the required headers is refused only here: its record has the body."""
    section, config = call.request_section, call.config
    call.body = await call.request.body(config.limits.request_body)
    if (waiting := deps.records.backpressure.admit_bytes(call, len(call.body))) is not None:
        await waiting
    value, note = await _recorded_body(call, config.max_parsed_request(deps.bus.max_payload))
    if note:
        section.note("ingress_payload", note)
    section.fields["ingress_payload"] = section.fields["outbound_payload"] = value
    if call.unmet:
        section.note("ingress_headers", call.unmet.text)
        raise _unauthorized(call.unmet, config)
    call.outbound_offered = section.fields["outbound_headers"]


def _unauthorized(unmet: headers.Unmet, config: Config) -> Refusal:
    """The refusal of a call without the required headers. It never reveals the right value."""
    what = "key in" if unmet.name in config.masked else "value of the header"
    detail = ErrorDetail(401, f"missing or wrong {what} {unmet.name}", "invalid_api_key")
    return Refusal(401, unmet.text, detail=detail)


def _head_fields(call: Call, *, refused: bool) -> Fields:
    """The fields of the request head: `ingress_…` as received, and copies as `outbound_…` for processors to change."""
    seen = headers.masked(headers.without(call.headers, _NOT_RECORDED), call.config.masked)
    subpath = unquote(call.subpath) if "%" in call.subpath else call.subpath
    fields: Fields = {
        "gl_path": call.router.path,
        "ingress_method": call.request.method,
        "ingress_client": call.client_address,
        "ingress_subpath": subpath,
        "ingress_headers": seen,
        "outbound_subpath": subpath,
        "outbound_headers": seen,
    }
    if call.query and not refused:
        given = headers.masked(query.parameters(call.query), call.config.masked_parameters)
        fields["ingress_query_parameters"] = query.as_list(given)
        fields["outbound_query_parameters"] = fields["ingress_query_parameters"]
    return fields


async def _recorded_body(call: Call, most: int) -> payload.Recorded:
    """The body for the record. A body that is large, also after decompression, is read in a thread."""
    body, content_type = call.body, headers.first(call.headers, "Content-Type")
    if "Content-Encoding" not in call.headers and len(body) <= payload.AT_ONCE:  # most bodies
        return payload.recorded(body, content_type, most)
    encoding = ",".join(call.headers.get("Content-Encoding", ()))

    def read(limit: int) -> payload.Recorded:
        decoded = payload.decode_body(body, encoding, content_type, limit)
        return decoded.fallback or decoded.with_note(payload.recorded(decoded.data, content_type, most))

    if len(body) <= payload.AT_ONCE:
        found = read(min(most, payload.AT_ONCE))
        if not payload.is_truncated_at(found.value, payload.AT_ONCE):
            return found
    return await asyncio.to_thread(_read_and_summarize, read, most, call.config.log_max_payload)


def _read_and_summarize(read: Callable[[int], payload.Recorded], most: int, limit: int) -> payload.Recorded:
    """Read a body. If the record will show only its summary, make that here in the thread: hashing takes long."""
    found = read(most)
    payload.truncate_to(found.value, limit)
    return found


def client_address(peer: str, received: headers.Headers, config: Config) -> str:
    """The address of the client. `X-Forwarded-For` is believed only as far as trusted proxies wrote it.

    The list is read from its end, which the nearest proxy wrote. The first address that is not a trusted proxy is the
    client.
    """
    if not config.trusted_proxies or not _is_trusted(peer, config):
        return peer
    listed = [part.strip() for value in received.get("X-Forwarded-For", ()) for part in value.split(",")]
    client = peer
    for address in reversed(listed):
        if _parsed(address) is None:
            break
        client = address
        if not _is_trusted(address, config):
            break
    return client


def _is_trusted(address: str, config: Config) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in config.trusted_proxies)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except ValueError:
        return None
