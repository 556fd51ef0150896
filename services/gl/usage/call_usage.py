"""What a call may use, and what it has used, as tokens and money for its limits."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from time import monotonic_ns
from typing import TYPE_CHECKING, NamedTuple

from gecholog import lenient, rawjson
from gecholog.llm import payload_text, request_size
from gecholog.llm.usage import Usage
from gecholog.llm.usage_estimate import ESTIMATED
from gecholog.quota.holds import NOTHING, Held
from gecholog.quota.limits import DEFAULT_OUTPUT_TOKENS
from services.gl.call_candidates import chosen_router
from services.gl.headers.policy import body_of, plain
from services.gl.quota.reservation import FREE, NO_RESERVATION, Reservation, estimated, nano_of_atto, reservation_of
from services.gl.record.payload import Truncated
from services.gl.responses.response import LocalResponse
from services.gl.routing.routers import Action
from services.gl.usage.request_kind import UNKNOWN, RequestKind, kind_of

if TYPE_CHECKING:
    from services.gl.call import Call
    from services.gl.record.usage import Cost

_BYTES_A_TOKEN = 4  # of English; of other texts fewer
_TOKENS_A_SECOND = 50  # that hosted models write; most are faster
_LARGEST_PARSED = 1024 * 1024  # bytes of a folded stream whose texts are searched for
_SUCCESS = range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)


def is_local(call: Call) -> bool:
    """Whether gl answers the call, without an upstream."""
    return call.own_response is not None or chosen_router(call).action is Action.ECHO


def request_kind(call: Call) -> RequestKind:
    """What the path tells that the upstream gets."""
    endpoint = chosen_router(call).target.endpoint_path
    if endpoint:
        return kind_of(f"/{endpoint}")
    if "outbound_subpath" in call.request_base.changed:
        written = plain(call.request_base.fields["outbound_subpath"])
        return kind_of(f"/{written}") if isinstance(written, str) else UNKNOWN
    return kind_of(call.request.path)


class Wanted(NamedTuple):
    """What a request may use at most, by an estimate. `body` is as it is read by its provider."""

    body: bytes
    prompt_tokens: int
    output_tokens: int


def wanted(call: Call, kind: RequestKind) -> Wanted | None:
    """What a call may use at most, estimated from its request; None if it uses no tokens.

    `kind` is its `request_kind`.
    """
    if kind.is_free or not call.may_generate:
        return None
    body = lenient.in_utf8(_body(call))
    output = request_size.output_tokens(body, _default_output(call)) if kind.has_output else 0
    return Wanted(body, request_size.prompt_tokens(body), output)


class Charge(NamedTuple):
    """What a call is charged. `estimate` is the usage that the record shows if no provider has reported all of it."""

    held: Held
    estimate: Usage | None = None


_NO_CHARGE = Charge(NOTHING)


def charge_of(call: Call) -> Charge:
    """What a call has used: as the provider says, else as much as was received of the answer, else what it reserved."""
    charge = _charged_for_answer(call)
    if call.used_beside is NOTHING:
        return charge
    return charge._replace(held=charge.held.plus(call.used_beside))


def add_beside(call: Call, usage: Usage, cost: Cost | None) -> None:
    """Charge a call with what was used beside its answer: by a classifier, or by an attempt that has failed."""
    if call.limits is not None:
        used_beside = Held(0, usage.total_tokens or 0, 0 if cost is None else cost.nano_usd)
        call.used_beside = call.used_beside.plus(used_beside)


def _charged_for_answer(call: Call) -> Charge:
    reservation = call.reservation
    if call.attempt is None or isinstance(call.response, LocalResponse):
        return _NO_CHARGE  # nothing was sent, or no provider answered
    if call.usage is not None:
        return _charged_by_usage(call, call.usage)
    if call.cost is not None:  # sold by the piece
        return Charge(Held(0, 0, call.cost.nano_usd))
    if reservation is NO_RESERVATION or (call.response is not None and call.response.status not in _SUCCESS):
        return _NO_CHARGE
    # without a response, the client left before there was an answer
    received = 0 if call.response is None else _received_tokens(call)
    if received is None:
        held = reservation.held
    else:
        held = estimated(reservation, max(received, _least_output(call)) if _was_left(call) else received)
    prompt = reservation.prompt_tokens
    return Charge(held, Usage(ESTIMATED, prompt, held.tokens - prompt, held.tokens))


def _charged_by_usage(call: Call, usage: Usage) -> Charge:
    """What a usage costs, and what a stream delivered beyond it."""
    rates = call.reservation.rates
    tokens, missing = usage.total_tokens or 0, _uncounted_tokens(call, usage)
    cost = _cost(call, call.reservation, tokens)
    if not missing:
        return Charge(Held(0, tokens, cost))
    completion, total = (usage.completion_tokens or 0) + missing, tokens + missing
    estimate = replace(usage, source=ESTIMATED, completion_tokens=completion, total_tokens=total)
    return Charge(Held(0, total, cost + nano_of_atto(missing * rates.output)), estimate)


def _uncounted_tokens(call: Call, usage: Usage) -> int:
    """The output tokens that a stream delivered beyond its usage, by a low estimate; 0 if the stream is complete.

    Some APIs count the output in their last event only, or begin with a count of one.
    """
    if not _was_left(call):  # most calls
        return 0
    fields = call.response_section.fields
    shown = fields.get("inbound_payload")
    least = 0
    if isinstance(shown, Truncated):
        size = int(shown["size"])
    elif not isinstance(shown, bytes):  # not folded
        size = 0
    elif len(shown) > _LARGEST_PARSED:
        size = len(shown)
    else:
        answer = rawjson.loads(shown)
        size = sum(len(one.text.encode("utf-8", "replace")) for one in payload_text.answered(answer))
        least = _least_output(call) if _has_first_usage_only(answer) else 0
    return max(0, max(size // _BYTES_A_TOKEN, least) - (usage.completion_tokens or 0))


def _has_first_usage_only(answer: object) -> bool:
    """Whether an answer has the usage with which a stream of Anthropic's begins: its end has stop_reason and output.

    The model may have thought before what was delivered, and of thoughts a stream may show nothing.
    """
    return isinstance(answer, dict) and answer.get("type") == "message" and answer.get("stop_reason") is None


def _was_left(call: Call) -> bool:
    """Whether the answer was not received to its end."""
    if call.response is None:
        return True
    stream = call.response_section.fields.get("inbound_stream")
    return isinstance(stream, dict) and stream.get("completed") is False


def _least_output(call: Call) -> int:
    """The output tokens that a model has probably made since the request was sent, whatever was received of them.

    It may have been thinking, or writing an answer that is sent as a whole. At most those that were reserved.
    """
    reserved = call.reservation.held.tokens - call.reservation.prompt_tokens
    nanoseconds = (call.received or monotonic_ns()) - call.sent if call.sent else 0
    return min(reserved, nanoseconds * _TOKENS_A_SECOND // 10**9)


def _cost(call: Call, reservation: Reservation, tokens: int) -> int:
    """The cost in nano-USD as the record tells it. Without one, tokens cost what they were reserved for."""
    if call.cost is not None:
        return call.cost.nano_usd
    if reservation.rates is FREE:
        return 0
    prompt = min(call.usage.prompt_tokens or 0, tokens) if call.usage is not None else 0
    return reservation_of(prompt, tokens - prompt, reservation.rates).held.nano_usd


def _received_tokens(call: Call) -> int | None:
    """The tokens of the part of a stream that was received, by an estimate; None for an answer that is no stream."""
    capture = call.capture
    if capture is None or not (capture.is_sse or capture.form.is_stream):
        return None
    shown = call.response_section.fields.get("inbound_payload")
    size = shown["size"] if isinstance(shown, Truncated) else len(shown) if isinstance(shown, bytes | str) else 0
    return request_size.prompt_tokens(bytes(shown)) if isinstance(shown, bytes) else int(size) // 3


def _body(call: Call) -> bytes:
    """The body of the request, decoded where that was done before, and as processors have left it."""
    if call.client_body is not None:
        return call.client_body.data
    section = call.request_base
    if "outbound_payload" in section.changed:
        return body_of(section.fields["outbound_payload"])
    if "Content-Encoding" in call.headers:
        shown = section.fields.get("ingress_payload")
        if isinstance(shown, bytes):
            return shown
        if isinstance(shown, Truncated):
            return b" " * min(int(shown["size"]), call.config.limits.request_body)
    return call.body


def _default_output(call: Call) -> int:
    """The tokens of an answer whose length the request does not limit: as the narrowest subject says."""
    if call.key is not None and call.key.max_output_tokens is not None:
        return call.key.max_output_tokens
    return DEFAULT_OUTPUT_TOKENS if call.limits is None else call.limits.accounts.default_output
