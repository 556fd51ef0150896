"""A record taken apart for people: when what happened, and what changed on the way. Pure."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gecholog.record import payload_of

_MOST_LINES = 3000  # of a payload; more are not compared, which takes quadratic time
_PAYLOADS = ("ingress_payload", "outbound_payload", "inbound_payload", "egress_payload")
HIDDEN = "hidden: seeing payloads is a permission of its own"

_SHOWN_WITHOUT_PAYLOADS = frozenset(
    {
        "gl_path",
        "original_gl_path",
        "ingress_method",
        "ingress_client",
        "ingress_subpath",
        "model",
        "outbound_subpath",
        "url_path",
        "processors",
        "processors_async",
        "ingress_outbound_timer",
        "inbound_status_code",
        "inbound_stream",
        "egress_status_code",
        "token_count",
        "outbound_inbound_timer",
        "inbound_egress_timer",
        "unsupported_parameters",
    }
)
_SHOWN_AT_THE_TOP = frozenset(
    {"session_id", "transaction_id", "client", "usage", "cost", "ingress_egress_timer", "egress_post_timer"}
)
_ATTEMPT = frozenset({"gl_path", "provider", "model", "status_code", "retry_after", "usage", "cost", "timer"})
_TIMERS = (
    ("Request: received, processed, sent", "request", "ingress_outbound_timer", "gateway"),
    ("Upstream: request to response", "response", "outbound_inbound_timer", "upstream"),
    ("Response: processed, delivered", "response", "inbound_egress_timer", "gateway"),
    ("After the response", "", "egress_post_timer", "after"),
)


@dataclass(frozen=True, slots=True)
class Bar:
    """A span in the timeline of a call. Times are milliseconds; `start_ms` counts from the arrival of the request."""

    label: str
    start_ms: float
    duration_ms: float
    kind: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a text, and whether the other side of a border has it differently."""

    text: str
    is_changed: bool


@dataclass(frozen=True, slots=True)
class Border:
    """What passed one side of the gateway: before and after it was processed."""

    title: str
    before: tuple[Line, ...]
    after: tuple[Line, ...]
    before_title: str
    after_title: str

    @property
    def is_changed(self) -> bool:
        return any(line.is_changed for line in (*self.before, *self.after))


def without_payloads(record: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a record that hold no payload, and nothing that processors or providers may have quoted from one."""
    shown: dict[str, Any] = {name: value for name, value in record.items() if name in _SHOWN_AT_THE_TOP}
    for side in ("request", "response"):
        section = record.get(side)
        if isinstance(section, Mapping):
            shown[side] = {name: value for name, value in section.items() if name in _SHOWN_WITHOUT_PAYLOADS}
            if isinstance(attempts := section.get("attempts"), list):
                shown[side]["attempts"] = [
                    {name: value for name, value in one.items() if name in _ATTEMPT}
                    for one in attempts
                    if isinstance(one, Mapping)
                ]
            shown[side] |= {name: HIDDEN for name in _PAYLOADS if name in section}
    return {name: shown[name] for name in record if name in shown}


def timeline(record: Mapping[str, Any]) -> list[Bar]:
    """The timers of a call, its processors and its attempts, in their order."""
    origin = _moment(_at(record, "ingress_egress_timer", "start"))
    if origin is None:
        return []
    bars = []
    for label, section, name, kind in _TIMERS:
        timer = _at(record, section, name) if section else record.get(name)
        if bar := _bar(label, timer, origin, kind):
            bars.append(bar)
            bars += _inside(record, section, name, origin)
    return bars


def _inside(record: Mapping[str, Any], section: str, timer: str, origin: float) -> Iterator[Bar]:
    """What happened in a span: processors, the attempts at upstreams, the first chunk of a stream."""
    if timer == "outbound_inbound_timer":
        for number, attempt in enumerate(_list(_at(record, "request", "attempts")), 1):
            about = " ".join(str(attempt[name]) for name in ("provider", "model", "gl_path") if attempt.get(name))
            note = str(attempt.get("status_code") or attempt.get("error") or "")
            if bar := _bar(f"Attempt {number}: {about}", attempt.get("timer"), origin, "attempt", note):
                yield bar
        first = _at(record, "response", "inbound_stream", "first_chunk_timer")
        if bar := _bar("First chunk", first, origin, "stream"):
            yield bar
    field = "processors" if section else "processors_async"
    for side in (section,) if section else ("request", "response"):
        if timer == "outbound_inbound_timer":
            continue
        for name, run in _processors(_at(record, side, field)):
            if bar := _bar(f"Processor {name}", run.get("timer"), origin, "processor"):
                yield bar


def _processors(value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The runs of processors: a list of them, or lists in a list, or an object by name."""
    if isinstance(value, Mapping):
        if isinstance(value.get("timer"), Mapping):
            yield str(value.get("name", "")), value
        else:
            for name, run in value.items():
                for _, inner in _processors(run):
                    yield str(name), inner
    elif isinstance(value, list):
        for item in value:
            yield from _processors(item)


def _bar(label: str, timer: Any, origin: float, kind: str, note: str = "") -> Bar | None:
    start = _moment(timer.get("start")) if isinstance(timer, Mapping) else None
    stop = _moment(timer.get("stop")) if isinstance(timer, Mapping) else None
    if start is None or stop is None:
        return None
    return Bar(label, max(0.0, (start - origin) * 1000), max(0.0, (stop - start) * 1000), kind, note)


def borders(record: Mapping[str, Any]) -> list[Border]:
    """The request and the response, each before and after the gateway, with the lines that differ."""
    found = []
    for title, section, names in (
        ("Request", "request", ("ingress_payload", "outbound_payload")),
        ("Response", "response", ("inbound_payload", "egress_payload")),
    ):
        part = record.get(section)
        part = part if isinstance(part, Mapping) else {}
        values = [payload_of(part, name) for name in names]
        before, after = compared(*("" if value is None else pretty(value) for value in values))
        is_request = section == "request"
        titles = ("from the client", "to the upstream") if is_request else ("from the upstream", "to the client")
        found.append(Border(title, before, after, *titles))
    return found


def compared(before: str, after: str) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """The lines of two texts, marked where they differ. Very long texts are not compared."""
    left, right = before.splitlines(), after.splitlines()
    changed: tuple[set[int], set[int]] = (set(), set())
    if before != after and len(left) + len(right) <= _MOST_LINES and before and after:
        for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(a=left, b=right, autojunk=False).get_opcodes():
            if tag != "equal":
                changed[0].update(range(i1, i2))
                changed[1].update(range(j1, j2))
    return (
        tuple(Line(text, index in changed[0]) for index, text in enumerate(left)),
        tuple(Line(text, index in changed[1]) for index, text in enumerate(right)),
    )


def pretty(value: Any) -> str:
    """A value as indented JSON; a text as it is."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _at(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _moment(text: Any) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (TypeError, ValueError):
        return None
