"""Requests the token usage of a stream (`include_usage`), if the router's config says so, or a client is charged."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from gecholog import headers, lenient, llm
from gecholog.rawjson import Raw

if TYPE_CHECKING:
    from services.gl.attempt.attempt import Attempt
    from services.gl.http import UpstreamRequest

_LARGE = 1024 * 1024  # bytes; a larger body is searched in a thread
_OPENAI = "openai"
_ENCODING = frozenset({"Accept-Encoding"})


def may_request_usage(request: UpstreamRequest, *, is_charged: bool = False) -> bool:
    """Tell whether gl may request usage: the router's config says so, and the upstream supports it.

    `is_charged`: usage is limited. Then it is requested of OpenAI in any case: what a model thinks is in no stream.
    """
    target = request.router.target
    is_wanted = target.add_stream_usage or (is_charged and request.router.price_provider == _OPENAI)
    return is_wanted and llm.accepts_include_usage(target.origin.host, request.path, request.headers)


async def with_usage_request(attempt: Attempt) -> Attempt:
    """Add the request for usage if the attempt is for a stream and does not have it yet. Else return it unchanged.

    A large body is searched in a thread, in steps of about 20 ms between which other calls continue.
    """
    request = attempt.request
    if len(request.body) > _LARGE:
        usage_request = await asyncio.to_thread(_usage_request, request.body, request.path)
    else:
        usage_request = _usage_request(request.body, request.path)
    return attempt if usage_request is None else _with(attempt, usage_request)


class _UsageRequest(NamedTuple):
    """A body with the request for usage: as it is `sent`, and as the record shows it, in strict JSON."""

    sent: bytes
    shown: Raw | str


def _usage_request(body: bytes, path: str) -> _UsageRequest | None:
    sent = llm.usage_request(body, path)
    if sent is None:
        return None
    found = lenient.strict(sent)
    if found is None:
        return _UsageRequest(sent, sent.decode("utf-8", "replace"))
    shown = Raw(found.data)
    return _UsageRequest(shown if shown == sent else sent, shown)  # the same bytes are in memory once


def _with(attempt: Attempt, usage_request: _UsageRequest) -> Attempt:
    """The attempt with this body. A filter removes the additional usage chunk from the stream to the client.

    The filter must be able to read the stream, so the request accepts no content encoding.
    """
    request = attempt.request
    section = attempt.section.copy()
    section.fields["outbound_payload"] = usage_request.shown
    return attempt._replace(
        request=request._replace(body=usage_request.sent, headers=headers.without(request.headers, _ENCODING)),
        section=section,
        shown_headers=headers.without(attempt.shown_headers, _ENCODING),
        transform=llm.UsageFilter(),
        asks_usage=True,
    )
