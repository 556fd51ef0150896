"""What a list of calls shows of a record, read without decoding the payloads. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec


class _Timer(msgspec.Struct):
    start: str
    duration: float


class _Attempt(msgspec.Struct):
    provider: str = ""
    model: str = ""


class _Payload(msgspec.Struct):
    model: Any = None


class _Request(msgspec.Struct):
    gl_path: str
    model: Any = None
    ingress_method: Any = ""
    ingress_client: Any = ""
    ingress_subpath: Any = ""
    attempts: Any = None
    outbound_payload: msgspec.Raw = msgspec.Raw(b"")
    ingress_payload: msgspec.Raw = msgspec.Raw(b"")


class _Response(msgspec.Struct):
    egress_status_code: int


class _Record(msgspec.Struct):
    transaction_id: str
    request: _Request
    response: _Response
    ingress_egress_timer: _Timer
    session_id: Any = ""
    client: Any = None
    usage: Any = None
    cost: Any = None


_RECORD = msgspec.json.Decoder(_Record)
_PAYLOAD = msgspec.json.Decoder(_Payload)
_LONGEST = 200  # characters of a text in a list


class NotARecord(ValueError):
    """The message is no record with the fields that a list shows."""


@dataclass(frozen=True, slots=True)
class CallSummary:
    """A call in a list. `started` is Unix time, `duration_ms` and `cost_usd` None where they are not known."""

    transaction_id: str
    session_id: str
    started: float
    duration_ms: float
    router: str
    method: str
    subpath: str
    status: int
    model: str
    provider: str
    client: str
    prompt_tokens: int | None
    completion_tokens: int | None
    total_tokens: int | None
    cost_usd: float | None

    @property
    def is_error(self) -> bool:
        return self.status >= 400  # noqa: PLR2004 - HTTP


def summary(data: bytes) -> CallSummary:
    """The summary of a record. Raises NotARecord."""
    try:
        record = _RECORD.decode(data)
        started = datetime.fromisoformat(record.ingress_egress_timer.start).timestamp()
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise NotARecord("not a record of gl") from error
    request = record.request
    attempt = _last_attempt(request.attempts)
    usage = record.usage if isinstance(record.usage, dict) else {}
    client = record.client if isinstance(record.client, dict) else {}
    return CallSummary(
        transaction_id=record.transaction_id,
        session_id=_text(record.session_id),
        started=started,
        duration_ms=record.ingress_egress_timer.duration,
        router=_text(request.gl_path),
        method=_text(request.ingress_method),
        subpath=_text(request.ingress_subpath),
        status=record.response.egress_status_code,
        model=attempt.model or _text(request.model) or _model_of(request),
        provider=attempt.provider,
        client=_text(client.get("name")) or _text(client.get("key")),
        prompt_tokens=_number(usage.get("prompt_tokens")),
        completion_tokens=_number(usage.get("completion_tokens")),
        total_tokens=_number(usage.get("total_tokens")),
        cost_usd=_cost(record.cost),
    )


def _last_attempt(attempts: Any) -> _Attempt:
    last = attempts[-1] if isinstance(attempts, list) and attempts else {}
    last = last if isinstance(last, dict) else {}
    return _Attempt(_text(last.get("provider")), _text(last.get("model")))


def _model_of(request: _Request) -> str:
    """The model in the payload that was sent, which is stored once if it is the one that came."""
    try:
        return _text(_PAYLOAD.decode(request.outbound_payload or request.ingress_payload).model)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return ""


def _text(value: Any) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _cost(value: Any) -> float | None:
    try:
        return float(Decimal(value["usd"])) if isinstance(value, dict) else None
    except (KeyError, InvalidOperation, TypeError, ValueError):
        return None
