"""The record log: the JetStream stream that captures the logger's subject, so that records do not need a subscriber.

Publishers and consumers of records call `ensure`; the first of them creates the stream. An existing stream is only
widened, by a subject or by higher limits from a config file, so that changes made by hand (`nats stream edit`) stay.
Its compression changes only if a config file names one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gecholog import jetstream, wire
from gecholog.bus_storage import BusStorage
from gecholog.jetstream import NANOSECONDS, Errors, JetStreamRefused, NoJetStream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gecholog.jetstream import Requester

STREAM = BusStorage().stream
"""The name of the stream, unless the config has a namespace of its own."""

_ATTEMPTS = 5
_BETWEEN_ATTEMPTS = 0.1  # seconds
_SMALLEST = 8 * 1024 * 1024  # bytes; the default is made smaller to fit a small disk, but not below this
_UNLIMITED = -1
_NO_COMPRESSION = "none"

# Someone else creates the stream at the same time, or has done so since we asked: ask again.
_RACES = frozenset({jetstream.STREAM_EXISTS, jetstream.SUBJECT_TAKEN, jetstream.NO_ROOM})


class NoRecordLog(NoJetStream):
    """The bus has no JetStream: records reach only those who are subscribed at the time."""


class RecordLogRefused(JetStreamRefused):
    """JetStream refused a request about the record log."""

    @property
    def is_no_room(self) -> bool:
        """Tell whether even the smallest stream does not fit on the disk."""
        return self.code == jetstream.NO_ROOM

    @property
    def is_too_few_servers(self) -> bool:
        """Tell whether there are fewer servers than replicas."""
        return self.code in jetstream.TOO_FEW_SERVERS


_ERRORS = Errors(NoRecordLog, RecordLogRefused)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the stream keeps. Beyond that the oldest records are dropped; 0 bytes or age means no limit."""

    max_bytes: int = 1024 * 1024 * 1024
    max_age_seconds: int = 7 * 24 * 3600
    duplicate_window_seconds: int = 120

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Limits:
        """The limits of a `record_log` section."""
        usual = cls()
        hours = values.get("max_age_hours")
        return cls(
            max_bytes=values.get("max_bytes", usual.max_bytes),
            max_age_seconds=usual.max_age_seconds if hours is None else hours * 3600,
            duplicate_window_seconds=values.get("duplicate_window_seconds", usual.duplicate_window_seconds),
        )


@dataclass(frozen=True, slots=True)
class RecordLogConfig:
    """The stream that a config asks for: its name, how many copies a cluster keeps, and how much it keeps.

    With `limits` None an existing stream keeps its limits, and a new one gets the defaults, or less if the disk has no
    room for them. With an empty `compression` it keeps that of the stream, and a new one is not compressed: compressing
    costs nats-server more than all else that it does with a large record.
    """

    stream: str = STREAM
    replicas: int = 1
    limits: Limits | None = None
    compression: str = ""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> RecordLogConfig:
        """From the sections `service_bus` and `record_log` of a config file."""
        storage, section = BusStorage.of_section(values["service_bus"]), values.get("record_log")
        replicas = (section or {}).get("replicas", storage.replicas)
        compression = (section or {}).get("compression", "")
        return cls(storage.stream, replicas, None if section is None else Limits.of(section), compression)


@dataclass(frozen=True, slots=True)
class RecordLog:
    """The stream that captures a subject. `max_bytes` and `max_age` (seconds) are 0 if there is no limit."""

    name: str
    subjects: tuple[str, ...]
    max_bytes: int
    max_age: float
    replicas: int
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
                replicas=config.get("num_replicas", 1),
                created=info.get("created", ""),
            )


def identified(record_id: bytes) -> bytes:
    """The headers of a record's message. JetStream recognises repetitions by the id, and sinks name documents by it."""
    return _IDENTIFIED % record_id.hex().encode()


_IDENTIFIED = wire.encoded({"Nats-Msg-Id": "%b"})


_DEFAULT = RecordLogConfig()


async def ensure(bus: Requester, subject: str, config: RecordLogConfig = _DEFAULT) -> RecordLog:
    """The stream that captures `subject`; it is created or widened if necessary.

    A stream that cannot grow for lack of room keeps its size. With too few servers for the replicas that `config` asks
    for, a stream keeps those that it has, and a new one has a single one. Raises NoRecordLog, RecordLogRefused,
    NoAnswer (ask again), BusAway.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return await _ensure(bus, subject, config)
        except RecordLogRefused as error:
            if error.code not in _RACES:
                raise
        await asyncio.sleep(_BETWEEN_ATTEMPTS)
    return await _ensure(bus, subject, config)


async def ensure_fitting(bus: Requester, subject: str, config: RecordLogConfig = _DEFAULT) -> RecordLog:
    """As `ensure`, but without room for what the limits ask for, the stream is made smaller.

    `max_bytes` of the result tells how much. Publishers and consumers have to call the same function: of a stream that
    only one side knows, records arrive twice.
    """
    limits = config.limits
    try:
        return await ensure(bus, subject, config)
    except RecordLogRefused as error:
        if not error.is_no_room or limits is None:
            raise
    usual = Limits().max_bytes
    fitting = replace(limits, max_bytes=min(limits.max_bytes or usual, usual))
    while True:
        try:
            return await _ensure(bus, subject, replace(config, limits=fitting))
        except RecordLogRefused as error:
            if error.code not in _RACES or fitting.max_bytes // 2 < _SMALLEST:
                raise
        fitting = replace(fitting, max_bytes=fitting.max_bytes // 2)


async def _ensure(bus: Requester, subject: str, config: RecordLogConfig) -> RecordLog:
    covering = await ask(bus, "STREAM.NAMES", {"subject": subject})
    names = covering.get("streams") or []
    if names and config.stream not in names:
        return RecordLog.of(await ask(bus, f"STREAM.INFO.{names[0]}"))  # not ours: used as it is
    try:
        info = await ask(bus, f"STREAM.INFO.{config.stream}")
    except RecordLogRefused as error:
        if error.code != jetstream.NO_STREAM:
            raise
        return await _create(bus, subject, config)
    with jetstream.understood():
        present = info["config"]
        wide = widened(present, subject, config)
    return RecordLog.of(await _update(bus, wide, present) or info)


async def _update(bus: Requester, wide: Mapping[str, Any], present: Mapping[str, Any]) -> dict[str, Any] | None:
    """Widen the stream; None if nothing changes. What cannot be had, bytes or replicas, stays as it is."""
    while wide != present:
        try:
            return await ask(bus, f"STREAM.UPDATE.{present['name']}", wide)
        except RecordLogRefused as error:
            wide = _without(error, wide, present)
    return None


def _without(error: RecordLogRefused, wide: Mapping[str, Any], present: Mapping[str, Any]) -> Mapping[str, Any]:
    """`wide` less what JetStream refuses. Raises `error` if that is something else."""
    for is_cause, field, usual in (
        (error.is_no_room, "max_bytes", _UNLIMITED),
        (error.is_too_few_servers, "num_replicas", 1),
    ):
        if is_cause and wide.get(field) != present.get(field, usual):
            return {**wide, field: present.get(field, usual)}
    raise error


async def _create(bus: Requester, subject: str, config: RecordLogConfig) -> RecordLog:
    """Create the stream. If the limits are defaults and there is no room for them, try half the size."""
    wanted = config if config.limits else replace(config, limits=Limits())
    while True:
        try:
            return RecordLog.of(await ask(bus, f"STREAM.CREATE.{config.stream}", new_config(subject, wanted)))
        except RecordLogRefused as error:
            if error.is_too_few_servers and wanted.replicas > 1:
                wanted = replace(wanted, replicas=1)
            elif error.is_no_room and config.limits is None and wanted.limits is not None:
                wanted = replace(wanted, limits=_halved(wanted.limits, error))
            else:
                raise


def _halved(limits: Limits, error: RecordLogRefused) -> Limits:
    """Half the size. Raises `error` if that is too small."""
    if limits.max_bytes // 2 < _SMALLEST:
        raise error
    return replace(limits, max_bytes=limits.max_bytes // 2)


async def ask(bus: Requester, call: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One call of JetStream's API. Raises NoRecordLog, RecordLogRefused, NoAnswer (ask again), BusAway."""
    return await jetstream.ask(bus, call, body, _ERRORS)


def new_config(subject: str, config: RecordLogConfig) -> dict[str, Any]:
    """The configuration of a stream that does not exist yet."""
    limits = config.limits or Limits()
    window = limits.duplicate_window_seconds
    if limits.max_age_seconds:
        window = min(window, limits.max_age_seconds)  # the server refuses a longer window
    return {
        "name": config.stream,
        "subjects": [subject],
        "retention": "limits",
        "storage": "file",
        "compression": config.compression or _NO_COMPRESSION,
        "discard": "old",
        "max_bytes": limits.max_bytes or _UNLIMITED,
        "max_age": limits.max_age_seconds * NANOSECONDS,
        "duplicate_window": window * NANOSECONDS,
        "num_replicas": config.replicas,
        "allow_direct": True,
    }


def widened(present: Mapping[str, Any], subject: str, config: RecordLogConfig) -> dict[str, Any]:
    """`present` with `subject` captured, the compression of `config` if it names one, and at least its limits."""
    wide, limits = dict(present), config.limits
    subjects = list(present.get("subjects") or ())
    if not any(covers(pattern, subject) for pattern in subjects):
        wide["subjects"] = [*subjects, subject]
    if config.compression and config.compression != present.get("compression", _NO_COMPRESSION):
        wide["compression"] = config.compression
    if config.replicas > present.get("num_replicas", 1):
        wide["num_replicas"] = config.replicas
    if limits is not None:
        if is_wider(limits.max_bytes, present.get("max_bytes", _UNLIMITED)):
            wide["max_bytes"] = limits.max_bytes or _UNLIMITED
        if is_wider(limits.max_age_seconds * NANOSECONDS, present.get("max_age", 0)):
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
