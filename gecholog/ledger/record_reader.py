"""Turns a record into rows. Pure.

Only the fields that the ledger needs are decoded; payloads are skipped without being built. A field of a wrong type,
which a processor may have written, counts as missing. Texts are cut, and cleaned of what SQL databases refuse.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import msgspec
import orjson

from gecholog.errors import NotJson
from gecholog.ledger import outcome
from gecholog.ledger.histogram import bucket_of
from gecholog.ledger.money import exact_usd, pico_usd, sum_usd
from gecholog.ledger.payload_facts import model_of, size_of
from gecholog.ledger.rows import AttemptRow, CallRow
from gecholog.ledger.texts import storable
from gecholog.llm.path_model import models_in_path

_LONGEST = 200  # characters of a text
_LONGEST_LIST = 32  # tags, processors
_LARGEST = 10**12  # of a count: a number that overflows no sum
_LONGEST_US = 10**12  # of a duration, 11 days: a longer one comes from a clock that was set meanwhile
_MOST_ATTEMPTS = 100
_LAST_SECOND = 253_402_300_799  # of the year 9999


class _Request(msgspec.Struct):
    gl_path: Any = None
    original_gl_path: Any = None
    ingress_method: Any = None
    ingress_subpath: Any = None
    ingress_payload: msgspec.Raw = msgspec.Raw()
    outbound_payload: msgspec.Raw = msgspec.Raw()
    outbound_subpath: Any = None
    model: Any = None
    classifier: Any = None
    attempts: Any = None
    url_path: Any = None
    url: Any = None
    processors: Any = None
    processors_async: Any = None


class _Response(msgspec.Struct):
    inbound_status_code: Any = None
    inbound_headers: Any = None
    inbound_payload: msgspec.Raw = msgspec.Raw()
    inbound_stream: Any = None
    egress_status_code: Any = None
    egress_payload: msgspec.Raw = msgspec.Raw()
    processors: Any = None
    processors_async: Any = None
    outbound_inbound_timer: Any = None
    error: Any = None


class _Record(msgspec.Struct):
    session_id: Any = None
    transaction_id: Any = None
    request: _Request = msgspec.field(default_factory=_Request)
    response: _Response = msgspec.field(default_factory=_Response)
    usage: Any = None
    cost: Any = None
    client: Any = None
    ingress_egress_timer: Any = None


_decoder = msgspec.json.Decoder(_Record)


def call_of(data: bytes, record_id: str, stream_sequence: int | None = None) -> CallRow:
    """The row of a record. `record_id` is its `Nats-Msg-Id`. Raises NotJson if it is not a record."""
    record = _decoded(data)
    request, response = record.request, record.response
    client, usage = _mapping(record.client), _mapping(record.usage)
    attempts = _attempts(request, response)
    last = attempts[-1] if attempts else None
    stream = _mapping(response.inbound_stream)
    started, duration = _span(record.ingress_egress_timer)
    upstream = sum(attempt.duration_us for attempt in attempts)
    status = _status(response.egress_status_code)
    inbound_status = None if _fault(request, response) else _status(response.inbound_status_code)
    completed = stream.get("completed", True) is not False
    cost, extra = _costs(record)
    model = last.model if last and last.model else _model_in(request, response)
    return CallRow(
        id=_text(record_id),
        stream_sequence=stream_sequence,
        started_us=started,
        session_id=_text(record.session_id),
        transaction_id=_text(record.transaction_id),
        router=_text(request.original_gl_path) or _text(request.gl_path),
        method=_text(request.ingress_method),
        endpoint=_text(request.ingress_subpath),
        client_key=_text(client.get("key")),
        client_name=_text(client.get("name")),
        owner=_text(client.get("owner")),
        tags=_texts(client.get("tags")),
        requested_model=_text(request.model) or _text(model_of(request.ingress_payload)) or model,
        provider=last.provider if last else "",
        model=model,
        status=status,
        status_class=outcome.status_class_of(status),
        error_class=outcome.error_class_of(
            status, inbound_status, sent=last is not None, completed=completed, client_left=_client_left(response)
        ),
        streamed=isinstance(response.inbound_stream, Mapping) and "error" not in stream,
        completed=completed,
        attempt_count=len(attempts),
        usage_source=_text(usage.get("source")),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        total_tokens=_count(usage.get("total_tokens")),
        cached_tokens=_count(usage.get("cached_tokens")),
        cache_creation_tokens=_count(usage.get("cache_creation_tokens")),
        reasoning_tokens=_count(usage.get("reasoning_tokens")),
        cost_pico=None if cost is None else pico_usd(cost),
        extra_cost_pico=pico_usd(extra),
        price_version=_text(_mapping(record.cost).get("prices")),
        duration_us=duration,
        upstream_us=upstream,
        first_chunk_us=_span(stream["first_chunk_timer"])[1] if "first_chunk_timer" in stream else None,
        overhead_us=max(0, duration - upstream),
        latency_bucket=bucket_of(duration),
        request_bytes=size_of(request.ingress_payload),
        response_bytes=size_of(response.egress_payload) or size_of(response.inbound_payload),
        failed_processors=_failed_processors(request, response),
        attempts=attempts,
    )


# ---------------------------------------------------------------- decoding


def _decoded(data: bytes) -> _Record:
    """Decode the fields of `_Record`. Python's parser reads what the fast ones refuse, such as lone surrogates."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass
    for parse in (orjson.loads, json.loads):
        try:
            value = parse(data)
        except (ValueError, RecursionError):
            continue
        return _converted(value)
    raise NotJson("the record is not JSON")


def _converted(value: Any) -> _Record:
    if not isinstance(value, dict):
        raise NotJson("the record is not an object")
    others = {name: value.get(name) for name in _Record.__struct_fields__ if name not in {"request", "response"}}
    request: _Request = _section(_Request, value.get("request"))
    response: _Response = _section(_Response, value.get("response"))
    return _Record(**others, request=request, response=response)


def _section(kind: type[Any], value: Any) -> Any:
    fields = _mapping(value)
    return kind(
        **{
            name: _raw(fields[name]) if name.endswith("_payload") else fields[name]
            for name in kind.__struct_fields__
            if name in fields
        }
    )


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value, separators=(",", ":")).encode())


# ---------------------------------------------------------------- parts


def _attempts(request: _Request, response: _Response) -> tuple[AttemptRow, ...]:
    """The attempts that the record lists. A call without a list has one, if something was sent."""
    listed = request.attempts
    if isinstance(listed, list) and listed:
        found = [_mapping(attempt) for attempt in listed[:_MOST_ATTEMPTS]]
        return tuple(_attempt(number, attempt) for number, attempt in enumerate(found, 1))
    if not _text(request.url):
        return ()
    fault = _fault(request, response)
    only = {
        "gl_path": request.gl_path,
        "url": request.url_path or request.url,
        "status_code": None if fault else response.inbound_status_code,
        "error": fault,
        "model": _model_in(request, response),
        "timer": response.outbound_inbound_timer,
    }
    return (_attempt(1, only),)


def _fault(request: _Request, response: _Response) -> str:
    """Why the last upstream gave no response; empty if it gave one. gl records its own 502, 503 or 504 then.

    Attempts that are listed say so. Otherwise the response has no headers, and its note is not that of a status.
    """
    listed = request.attempts
    if isinstance(listed, list) and listed:
        last = _mapping(listed[-1])
        return _text(last.get("error")) if "status_code" not in last else ""
    if response.inbound_headers or _status(response.inbound_status_code) not in outcome.NO_TARGET:
        return ""
    notes = (note for note in _notes(response) if note.get("name") == "egress_status_code")
    details = next((_text(note.get("details")) for note in notes), "")
    return "" if details.startswith("status ") else details


def _attempt(number: int, attempt: Mapping[str, Any]) -> AttemptRow:
    started, duration = _span(attempt.get("timer"))
    usage = _mapping(attempt.get("usage"))
    status = _status(attempt.get("status_code"))
    host = _host(attempt.get("url"))
    cost = exact_usd(_mapping(attempt.get("cost")).get("usd"))
    return AttemptRow(
        number=number,
        router=_text(attempt.get("gl_path")),
        provider=_text(attempt.get("provider")) or host,
        model=_text(attempt.get("model")),
        host=host,
        status=status,
        error="" if status is not None else _text(attempt.get("error")),
        started_us=started,
        duration_us=duration,
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        cost_pico=None if cost is None else pico_usd(cost),
    )


def _model_in(request: _Request, response: _Response) -> str:
    """The model of a call whose attempts do not name it: as the request names it, else its path, else the response."""
    found = model_of(request.outbound_payload) or model_of(request.ingress_payload)
    if not found and (
        in_path := models_in_path(f"/{_text(request.outbound_subpath) or _text(request.ingress_subpath)}")
    ):
        found = in_path[0]
    return _text(found or model_of(response.inbound_payload))


def _costs(record: _Record) -> tuple[Decimal | None, Decimal]:
    """The cost of the whole call (None if unknown), and the part of it that is not the response's.

    Nothing is known if all parts together are more than one call can cost.
    """
    own = exact_usd(_mapping(record.cost).get("usd"))
    attempts = record.request.attempts if isinstance(record.request.attempts, list) else []
    others = [_mapping(one).get("cost") for one in (*attempts, record.request.classifier)]
    extras = [cost for other in others if (cost := exact_usd(_mapping(other).get("usd"))) is not None]
    parts = extras if own is None else [own, *extras]
    whole = sum_usd(parts) if parts else None
    return (None, Decimal(0)) if whole is None else (whole, sum_usd(extras) or Decimal(0))


def _client_left(response: _Response) -> bool:
    return any(
        note.get("name") == "egress" and str(note.get("details", "")).startswith("the client disconnected")
        for note in _notes(response)
    )


def _notes(response: _Response) -> list[Mapping[str, Any]]:
    return [_mapping(note) for note in response.error] if isinstance(response.error, list) else []


def _failed_processors(request: _Request, response: _Response) -> tuple[str, ...]:
    runs = (request.processors, request.processors_async, response.processors, response.processors_async)
    names = (
        _text(run.get("name"))
        for listed in runs
        if isinstance(listed, list)
        for run in map(_mapping, listed)
        if _mapping(run.get("details")).get("completed") is False
    )
    return tuple(dict.fromkeys(filter(None, names)))[:_LONGEST_LIST]


# ---------------------------------------------------------------- values


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return storable(value[:_LONGEST]) if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    found = value if isinstance(value, list) else []
    return tuple(dict.fromkeys(filter(None, map(_text, found))))[:_LONGEST_LIST]


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST else None


def _status(value: Any) -> int | None:
    return value if isinstance(value, int) and 100 <= value <= 999 else None  # noqa: PLR2004 - RFC 9110, section 15


@lru_cache(maxsize=256)
def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _host(url: Any) -> str:
    return _text(_host_of(url)) if isinstance(url, str) else ""


def _span(timer: Any) -> tuple[int, int]:
    """Start and duration of a timer in microseconds. The whole milliseconds count if a text is no time.

    A duration below 0, or one that would overflow sums, comes from a clock that was set, and is cut.
    """
    fields = _mapping(timer)
    start, stop = _moment(fields.get("start")), _moment(fields.get("stop"))
    if start is None:
        return 0, 0
    if stop is None:
        return start // 1000, min((_count(fields.get("duration")) or 0) * 1000, _LONGEST_US)
    return start // 1000, min(max(0, stop - start) // 1000, _LONGEST_US)


def _moment(text: Any) -> int | None:
    """A time of a timer (RFC 3339 in UTC, with up to nine decimals) in nanoseconds since 1970."""
    if not isinstance(text, str) or not text.endswith("Z"):
        return None
    second = _second(text[:19])
    decimals = text[20:-1]
    if second is None or not (decimals or "0").isdecimal() or len(decimals) > 9:  # noqa: PLR2004
        return None
    return second * 1_000_000_000 + int(decimals.ljust(9, "0") or 0)


@lru_cache(maxsize=64)
def _second(text: str) -> int | None:
    try:
        second = int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None
    return second if 0 <= second <= _LAST_SECOND else None
