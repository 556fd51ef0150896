"""Ingress: begins the record with the request, and refuses requests without the required headers."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from gecholog import headers
from gecholog.keys.masking import masked_bytes
from gecholog.rawjson import Raw
from services.gl.access import client_credentials
from services.gl.bodies.without_keys import without_keys
from services.gl.errors import ErrorDetail, Refusal
from services.gl.record import payload
from services.gl.routing import query

if TYPE_CHECKING:
    from collections.abc import Callable

    from gecholog.record import Fields
    from services.gl.access.client_credentials import ClientCredentials
    from services.gl.call import Call
    from services.gl.config import Config
    from services.gl.dependencies import Dependencies

_UNAUTHORIZED = HTTPStatus.UNAUTHORIZED.value
_NOT_RECORDED = frozenset({"Host", "Transfer-Encoding"})


def read_head(call: Call, deps: Dependencies) -> None:
    """Check the headers that the router requires, take client keys out of the head, and begin the record."""
    config, request = call.config, call.request
    call.headers, call.query_text = request.headers, request.query
    call.client_address = client_address(request.client, call.headers, config)
    unmet = headers.unmet(call.router.required_headers, call.headers)
    if unmet and not config.log_unauthorized:
        call.is_recorded = False
        deps.observe_unrecorded(call.router.path, _UNAUTHORIZED)
        raise _unauthorized(unmet, config)
    call.unmet = unmet
    call.query = query.parse(request.query)
    call.subpath = client_credentials.masked_path(call.subpath)
    keyring = deps.keyring
    is_foreign = keyring.is_foreign if keyring.snapshot.has_foreign else None
    found = client_credentials.find(call.headers, call.query, is_foreign)
    call.request_section.fields = _head_fields(call, found, refused=unmet is not None)


async def read_body(call: Call, deps: Dependencies) -> None:
    """Read and record the body. A call without the required headers is refused only here: its record has the body."""
    section, config = call.request_section, call.config
    call.body = await without_keys(await call.request.body(_largest_body(call)))
    if (waiting := deps.records.backpressure.admit_bytes(call, len(call.body))) is not None:
        await waiting
    value, note = await _recorded_body(call, config.max_parsed_request(deps.bus.max_payload))
    if note:
        section.note("ingress_payload", note)
    section.fields["ingress_payload"] = section.fields["outbound_payload"] = value
    if type(value) is Raw and value == call.body:
        call.body = value  # the same bytes: they need not be in memory twice while the upstream works
    if call.unmet:
        section.note("ingress_headers", call.unmet.text)
        raise _unauthorized(call.unmet, config)
    call.outbound_offered = section.fields["outbound_headers"]


def _largest_body(call: Call) -> int:
    """Bytes that the body may have, by the config and by the client key."""
    limit, key = call.config.limits.request_body, call.key
    return limit if key is None or key.max_body_bytes is None else min(limit, key.max_body_bytes)


def _unauthorized(unmet: headers.Unmet, config: Config) -> Refusal:
    """The refusal of a call without the required headers. It never reveals the right value."""
    what = "key in" if unmet.name in config.masked else "value of the header"
    detail = ErrorDetail(401, f"missing or wrong {what} {unmet.name}", "invalid_api_key")
    return Refusal(401, unmet.text, detail=detail)


def _head_fields(call: Call, found: ClientCredentials | None, *, refused: bool) -> Fields:
    """The fields of the request head: `ingress_…` as received, and copies as `outbound_…` for processors to change.

    Takes client keys, if any were `found`, out of the call.
    """
    config = call.config
    seen = offered = headers.masked(headers.without(call.headers, _NOT_RECORDED), config.masked)
    pairs = call.query
    if found is not None:
        seen, offered, pairs = found.shown_headers(seen), found.kept_headers(seen), found.shown_query(pairs)
        call.credential, call.headers = found.key, found.kept_headers(call.headers)
        if found.parameters:
            call.query = found.kept_query(call.query)
            call.query_text = "&".join(pair.raw for pair in call.query)
    subpath = unquote(call.subpath) if "%" in call.subpath else call.subpath
    fields: Fields = {
        "gl_path": call.router.path,
        "ingress_method": call.request.method,
        "ingress_client": call.client_address,
        "ingress_subpath": subpath,
        "ingress_headers": seen,
        "outbound_subpath": subpath,
        "outbound_headers": offered,
    }
    if pairs and not refused:
        fields["ingress_query_parameters"] = _shown_query(pairs, config)
        same = pairs is call.query
        fields["outbound_query_parameters"] = (
            fields["ingress_query_parameters"] if same else _shown_query(call.query, config)
        )
    return fields


def _shown_query(pairs: query.Pairs, config: Config) -> list[dict[str, Any]]:
    return query.as_list(headers.masked(query.parameters(pairs), config.masked_parameters))


async def _recorded_body(call: Call, most: int) -> payload.Recorded:
    """The body for the record. A body that is large, also after decompression, is read in a thread."""
    body, content_type = call.body, headers.first(call.headers, "Content-Type")
    if "Content-Encoding" not in call.headers and len(body) <= payload.AT_ONCE:  # most bodies
        found = payload.recorded(body, content_type, most)
        if (privacy := call.privacy) is None or not privacy.takes_long(found.value):
            return found
        await asyncio.to_thread(privacy.prepare, found.value)
        return found
    encoding = ",".join(call.headers.get("Content-Encoding", ()))

    def read(limit: int) -> payload.Recorded:
        decoded = payload.decode_body(body, encoding, content_type, limit)
        return decoded.fallback or decoded.with_note(payload.recorded(masked_bytes(decoded.data), content_type, most))

    if len(body) <= payload.AT_ONCE:
        found = read(min(most, payload.AT_ONCE))
        if not payload.is_truncated_at(found.value, payload.AT_ONCE):
            return found
    return await asyncio.to_thread(_read_and_prepare, call, read, most)


def _read_and_prepare(call: Call, read: Callable[[int], payload.Recorded], most: int) -> payload.Recorded:
    """Read a body. What the record will show in its place is made here in the thread: hashing takes long."""
    found = read(most)
    shorter = payload.truncate_to(found.value, call.config.log_max_payload)
    if (privacy := call.privacy) is not None:
        privacy.prepare(shorter)
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
