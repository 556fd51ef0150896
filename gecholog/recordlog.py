"""The record log: the JetStream stream that captures the logger's subject, so that records do not need a subscriber.

Publishers and consumers of records call `ensure`; the first of them creates the stream. An existing stream is only
widened, by a subject or by higher limits from a config file, so that changes made by hand (`nats stream edit`) stay.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gecholog import jetstream, wire
from gecholog.jetstream import NANOSECONDS, Errors, JetStreamRefused, NoJetStream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gecholog.jetstream import Requester

STREAM = "GECHOLOG"

_ATTEMPTS = 5
_BETWEEN_ATTEMPTS = 0.1  # seconds
_SMALLEST = 8 * 1024 * 1024  # bytes; the default is made smaller to fit a small disk, but not below this
_UNLIMITED = -1

# Somebody else creates the stream at the same time, or has done so since we asked: ask again.
_RACES = frozenset({jetstream.STREAM_EXISTS, jetstream.SUBJECT_TAKEN, jetstream.NO_ROOM})


class NoRecordLog(NoJetStream):
    """The bus has no JetStream: records reach only those who are subscribed at the time."""


class RecordLogRefused(JetStreamRefused):
    """JetStream refused a request about the record log."""

    @property
    def is_no_room(self) -> bool:
        """Tell whether even the smallest stream does not fit on the disk."""
        return self.code == jetstream.NO_ROOM


_ERRORS = Errors(NoRecordLog, RecordLogRefused)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the stream keeps. Beyond that the oldest records are dropped; 0 bytes or age means no limit."""

    max_bytes: int = 1024 * 1024 * 1024
    max_age_seconds: int = 7 * 24 * 3600
    duplicate_window_seconds: int = 120
    replicas: int = 1

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Limits:
        """The limits of a `record_log` section."""
        usual = cls()
        hours = values.get("max_age_hours")
        return cls(
            max_bytes=values.get("max_bytes", usual.max_bytes),
            max_age_seconds=usual.max_age_seconds if hours is None else hours * 3600,
            duplicate_window_seconds=values.get("duplicate_window_seconds", usual.duplicate_window_seconds),
            replicas=values.get("replicas", usual.replicas),
        )


@dataclass(frozen=True, slots=True)
class RecordLog:
    """The stream that captures a subject. `max_bytes` and `max_age` (seconds) are 0 if there is no limit."""

    name: str
    subjects: tuple[str, ...]
    max_bytes: int
    max_age: float
    created: str

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> RecordLog:
        """Read JetStream's answer. Raises NoAnswer if it is not JetStream that answered."""
        with jetstream.understood():
            config = info["config"]
            return cls(
                name=config["name"],
                subjects=tuple(config.get("subjects") or ()),
                max_bytes=max(0, config.get("max_bytes", 0)),
                max_age=config.get("max_age", 0) / NANOSECONDS,
                created=info.get("created", ""),
            )


def identified(record_id: bytes) -> bytes:
    """The headers of a record's message. JetStream recognises repetitions by the id, and sinks name documents by it."""
    return _IDENTIFIED % record_id.hex().encode()


_IDENTIFIED = wire.encoded({"Nats-Msg-Id": "%b"})


async def ensure(bus: Requester, subject: str, limits: Limits | None = None) -> RecordLog:
    """The stream that captures `subject`; it is created or widened if necessary.

    With `limits` None an existing stream keeps its limits, and a new one gets the defaults, or less if the disk has no
    room for them. A stream that cannot grow for lack of room keeps its size. Raises NoRecordLog, RecordLogRefused,
    NoAnswer (ask again), BusAway.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return await _ensure(bus, subject, limits)
        except RecordLogRefused as error:
            if error.code not in _RACES:
                raise
        await asyncio.sleep(_BETWEEN_ATTEMPTS)
    return await _ensure(bus, subject, limits)


async def ensure_fitting(bus: Requester, subject: str, limits: Limits | None = None) -> RecordLog:
    """As `ensure`, but if there is no room for `limits`, create a smaller stream rather than none.

    See `max_bytes` of the result. Publishers and consumers must both call this, or both `ensure`: from a stream that
    only one of them knows, records arrive twice.
    """
    try:
        return await ensure(bus, subject, limits)
    except RecordLogRefused as error:
        if not error.is_no_room or limits is None:
            raise
    usual = Limits().max_bytes
    fitting = replace(limits, max_bytes=min(limits.max_bytes or usual, usual))
    while True:
        try:
            return await _ensure(bus, subject, fitting)
        except RecordLogRefused as error:
            if error.code not in _RACES or fitting.max_bytes // 2 < _SMALLEST:
                raise
        fitting = replace(fitting, max_bytes=fitting.max_bytes // 2)


async def _ensure(bus: Requester, subject: str, limits: Limits | None) -> RecordLog:
    covering = await ask(bus, "STREAM.NAMES", {"subject": subject})
    names = covering.get("streams") or []
    if names and STREAM not in names:
        return RecordLog.of(await ask(bus, f"STREAM.INFO.{names[0]}"))  # a stream that somebody made: use it unchanged
    try:
        info = await ask(bus, f"STREAM.INFO.{STREAM}")
    except RecordLogRefused as error:
        if error.code != jetstream.NO_STREAM:
            raise
        return await _create(bus, subject, limits)
    with jetstream.understood():
        present = info["config"]
        wide = widened(present, subject, limits)
    if wide != present:
        info = await _update(bus, wide, present) or info
    return RecordLog.of(info)


async def _update(bus: Requester, wide: Mapping[str, Any], present: Mapping[str, Any]) -> dict[str, Any] | None:
    """Widen the stream; None if nothing changes. If there is no room for more bytes, it keeps its size."""
    try:
        return await ask(bus, f"STREAM.UPDATE.{STREAM}", wide)
    except RecordLogRefused as error:
        if not error.is_no_room or wide.get("max_bytes") == present.get("max_bytes"):
            raise
    narrow = {**wide, "max_bytes": present.get("max_bytes", _UNLIMITED)}
    return None if narrow == present else await ask(bus, f"STREAM.UPDATE.{STREAM}", narrow)


async def _create(bus: Requester, subject: str, limits: Limits | None) -> RecordLog:
    """Create the stream. If there is no room for the default size, halve it until it fits."""
    wanted = limits or Limits()
    while True:
        try:
            return RecordLog.of(await ask(bus, f"STREAM.CREATE.{STREAM}", new_config(subject, wanted)))
        except RecordLogRefused as error:
            if not error.is_no_room or limits is not None or wanted.max_bytes // 2 < _SMALLEST:
                raise
        wanted = replace(wanted, max_bytes=wanted.max_bytes // 2)


async def ask(bus: Requester, call: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One call of JetStream's API. Raises NoRecordLog, RecordLogRefused, NoAnswer (ask again), BusAway."""
    return await jetstream.ask(bus, call, body, _ERRORS)


def new_config(subject: str, limits: Limits) -> dict[str, Any]:
    """The configuration of a stream that does not exist yet."""
    window = limits.duplicate_window_seconds
    if limits.max_age_seconds:
        window = min(window, limits.max_age_seconds)  # the server refuses a longer window
    return {
        "name": STREAM,
        "subjects": [subject],
        "retention": "limits",
        "storage": "file",
        "compression": "s2",
        "discard": "old",
        "max_bytes": limits.max_bytes or _UNLIMITED,
        "max_age": limits.max_age_seconds * NANOSECONDS,
        "duplicate_window": window * NANOSECONDS,
        "num_replicas": limits.replicas,
        "allow_direct": True,
    }


def widened(config: Mapping[str, Any], subject: str, limits: Limits | None) -> dict[str, Any]:
    """`config` with `subject` among its subjects and limits no lower than `limits`; nothing else changes."""
    wide = dict(config)
    subjects = list(config.get("subjects") or ())
    if not any(covers(pattern, subject) for pattern in subjects):
        wide["subjects"] = [*subjects, subject]
    if limits is not None:
        if is_wider(limits.max_bytes, config.get("max_bytes", _UNLIMITED)):
            wide["max_bytes"] = limits.max_bytes or _UNLIMITED
        if is_wider(limits.max_age_seconds * NANOSECONDS, config.get("max_age", 0)):
            wide["max_age"] = limits.max_age_seconds * NANOSECONDS
    return wide


def is_wider(wanted: int, present: int) -> bool:
    """Compare two limits, of which 0 and below mean no limit."""
    return present > 0 and (wanted <= 0 or wanted > present)


def covers(pattern: str, subject: str) -> bool:
    """Tell whether a subject with wildcards (`*` one part, `>` one or more at the end) matches `subject`."""
    wanted, parts = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        wanted.pop()
        if len(parts) <= len(wanted):
            return False
        parts = parts[: len(wanted)]
    return len(wanted) == len(parts) and all(want in ("*", part) for want, part in zip(wanted, parts, strict=True))
