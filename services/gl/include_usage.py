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


def may_ask(request: UpstreamRequest) -> bool:
    """Tell whether a request may ask for usage: its router wants that, and its target knows the question."""
    target = request.router.target
    return target.add_stream_usage and llm.takes_question(target.origin.host, request.path, request.headers)


async def asking(attempt: Attempt) -> Attempt:
    """The attempt with the question, if its request is for a stream and does not ask already; else as it is.

    A large body is searched in a thread: between its steps, each of which takes some 20 ms, other calls go on.
    """
    request = attempt.request
    if len(request.body) > _LARGE:
        question = await asyncio.to_thread(_question, request.body, request.path)
    else:
        question = _question(request.body, request.path)
    return attempt if question is None else _with(attempt, question)


class _Question(NamedTuple):
    """A body that asks for usage: as it is `sent`, and as the record shows it, which is strict JSON."""

    sent: bytes
    shown: Raw | str


def _question(body: bytes, path: str) -> _Question | None:
    sent = llm.usage_request(body, path)
    if sent is None:
        return None
    found = lenient.strict(sent)
    return _Question(sent, sent.decode("utf-8", "replace") if found is None else rawjson.payload(found.data))


def _with(attempt: Attempt, question: _Question) -> Attempt:
    """The attempt with this body; the chunk with the answer to the question is kept from the caller.

    The filter that does so has to read the stream, so no content encoding is asked for.
    """
    request = attempt.request
    section = attempt.section.copy()
    section.fields["outbound_payload"] = question.shown
    return attempt._replace(
        request=request._replace(body=question.sent, headers=headers.without(request.headers, _ENCODING)),
        section=section,
        shown_headers=headers.without(attempt.shown_headers, _ENCODING),
        transform=llm.UsageFilter(),
        asks_usage=True,
    )
