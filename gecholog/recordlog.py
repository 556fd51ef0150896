"""The record log: the JetStream stream that captures the logger's subject, so that no record depends on who listens.

`ensure` is for everybody who publishes or consumes records: whoever comes first makes the stream. The stream is only
ever widened, by a subject or by higher limits that a config file asks for: who narrowed or enlarged it by hand
(`nats stream edit`) keeps that.
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

# Somebody else makes it at this moment, or did between our question and our order: look again.
_RACES = frozenset({jetstream.STREAM_EXISTS, jetstream.SUBJECT_TAKEN, jetstream.NO_ROOM})


class NoRecordLog(NoJetStream):
    """The bus has no JetStream: records reach only those who listen at the moment."""


class RecordLogRefused(JetStreamRefused):
    """JetStream would not do what was asked of the record log."""

    @property
    def is_no_room(self) -> bool:
        """Whether even the smallest stream does not fit the disk."""
        return self.code == jetstream.NO_ROOM


_ERRORS = Errors(NoRecordLog, RecordLogRefused)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the stream keeps. What goes beyond is dropped, the oldest first; 0 bytes or age: no limit."""

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
        """Of JetStream's answer. Raises NoAnswer if it is somebody else's."""
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
    """The headers of a record's message. JetStream knows repetitions by the id, and sinks name documents by it."""
    return _IDENTIFIED % record_id.hex().encode()


_IDENTIFIED = wire.encoded({"Nats-Msg-Id": "%b"})


async def ensure(bus: Requester, subject: str, limits: Limits | None = None) -> RecordLog:
    """The stream that captures `subject`, made or widened if need be.

    `limits` None: the defaults if the stream has to be made, or less if the disk has no room for them; one that exists
    keeps what it has. One that exists and cannot be made larger for want of room keeps its size.
    Raises NoRecordLog, RecordLogRefused, NoAnswer (ask again), BusAway.
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
    """As `ensure`, but where there is no room for what `limits` ask for, a stream that fits is better than none.

    `max_bytes` of what is returned tells. Publishers and consumers have to agree on this: of a stream that only one of
    them knows records come twice.
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
        return RecordLog.of(await ask(bus, f"STREAM.INFO.{names[0]}"))  # somebody's own stream: take it as it is
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
    """Widen the stream; None if nothing changes: where there is no room for more bytes it keeps those that it has."""
    try:
        return await ask(bus, f"STREAM.UPDATE.{STREAM}", wide)
    except RecordLogRefused as error:
        if not error.is_no_room or wide.get("max_bytes") == present.get("max_bytes"):
            raise
    narrow = {**wide, "max_bytes": present.get("max_bytes", _UNLIMITED)}
    return None if narrow == present else await ask(bus, f"STREAM.UPDATE.{STREAM}", narrow)


async def _create(bus: Requester, subject: str, limits: Limits | None) -> RecordLog:
    """Make the stream. Nobody asked for the size of the default: where there is no room for it, half will do."""
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
        window = min(window, limits.max_age_seconds)  # the server refuses a longer one
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
    """Compare limits; 0 and less mean none."""
    return present > 0 and (wanted <= 0 or wanted > present)


def covers(pattern: str, subject: str) -> bool:
    """Tell whether a subject with wildcards (`*` one part, `>` one or more at the end) takes in `subject`."""
    wanted, parts = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        wanted.pop()
        if len(parts) <= len(wanted):
            return False
        parts = parts[: len(wanted)]
    return len(wanted) == len(parts) and all(want in ("*", part) for want, part in zip(wanted, parts, strict=True))
