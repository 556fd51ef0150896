"""The question for the token usage of a stream, which gl adds to a request if the router says so."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from gecholog import headers, lenient, llm, rawjson

if TYPE_CHECKING:
    from gecholog.rawjson import Raw
    from services.gl.attempt import Attempt
    from services.gl.http import UpstreamRequest

_LARGE = 1024 * 1024  # bytes of a body that is not searched while other calls wait
_ENCODING = frozenset({"Accept-Encoding"})


def may_request_usage(request: UpstreamRequest) -> bool:
    """Tell whether a request may ask for usage: its router wants that, and its target knows the question."""
    target = request.router.target
    return target.add_stream_usage and llm.accepts_include_usage(target.origin.host, request.path, request.headers)


async def with_usage_request(attempt: Attempt) -> Attempt:
    """The attempt with the question, if its request is for a stream and does not ask already; else as it is.

    A large body is searched in a thread: between its steps, each of which takes some 20 ms, other calls go on.
    """
    request = attempt.request
    if len(request.body) > _LARGE:
        usage_request = await asyncio.to_thread(_usage_request, request.body, request.path)
    else:
        usage_request = _usage_request(request.body, request.path)
    return attempt if usage_request is None else _with(attempt, usage_request)


class _UsageRequest(NamedTuple):
    """A body that asks for usage: as it is `sent`, and as the record shows it, which is strict JSON."""

    sent: bytes
    shown: Raw | str


def _usage_request(body: bytes, path: str) -> _UsageRequest | None:
    sent = llm.usage_request(body, path)
    if sent is None:
        return None
    found = lenient.strict(sent)
    return _UsageRequest(sent, sent.decode("utf-8", "replace") if found is None else rawjson.payload(found.data))


def _with(attempt: Attempt, usage_request: _UsageRequest) -> Attempt:
    """The attempt with this body; the chunk with the answer to the question is kept from the caller.

    The filter that does so has to read the stream, so no content encoding is asked for.
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
