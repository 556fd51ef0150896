"""What the bus does with records: a stream keeps them, or they reach only those who listen at the moment."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from gecholog import rawjson, recordlog
from gecholog.errors import BusError, NotJson
from gecholog.logs import Log

if TYPE_CHECKING:
    from gecholog.bus import Bus
    from gecholog.recordlog import RecordLog, RecordLogConfig

log = Log("records")


class Storage(Enum):
    """What is known of the stream of records."""

    UNKNOWN = "unknown"  # the bus has not said yet: an acknowledgement is asked for
    READY = "ready"
    PLAIN = "plain"  # there is none, and will be none before the next connection: records are published all the same
    MISSING = "missing"  # there should be one: records wait, lest those who listen plainly see them again and again


class RecordStream:
    """The stream of one bus and subject."""

    def __init__(self) -> None:
        self.storage = Storage.UNKNOWN
        self.reason = ""  # why it is MISSING, or PLAIN for want of room
        self.answers = False  # JetStream answered our last question
        self._has_kept = False  # it was READY once
        self._was_ready = False  # and since this connection was made

    @property
    def is_durable(self) -> bool:
        return self.storage is not Storage.PLAIN

    @property
    def is_missing(self) -> bool:
        return self.storage is Storage.MISSING

    @property
    def vanished(self) -> bool:
        """Whether JetStream went away while the server lives: it does so when it cannot write."""
        return self.is_missing and self._was_ready

    def connected(self) -> None:
        """A connection was made, perhaps to a server that was started anew."""
        self._was_ready = False

    async def prepare(self, bus: Bus, subject: str, config: RecordLogConfig) -> None:
        """Find the stream, or make it. Until the bus has an answer, what was true before is taken to be true."""
        self.answers = False
        try:
            found = await recordlog.ensure_fitting(bus, subject, config)
        except recordlog.NoRecordLog:
            self._absent()
        except recordlog.RecordLogRefused as error:
            self._refused(error)
        except BusError as error:
            self.reason = str(error)
        else:
            self._found(found, config)

    def _found(self, found: RecordLog, config: RecordLogConfig) -> None:
        self.answers = self._was_ready = True
        if self.storage is not Storage.READY:
            log.info("record stream ready", stream=found.name, max_bytes=found.max_bytes, replicas=found.replicas)
            if config.limits is not None and recordlog.is_wider(config.limits.max_bytes, found.max_bytes):
                wanted = config.limits.max_bytes
                log.warning("not enough disk space for the record stream as configured", max_bytes=wanted)
            if config.replicas > found.replicas:
                log.warning(
                    "record stream has fewer replicas than configured",
                    replicas=found.replicas,
                    configured=config.replicas,
                )
        self.storage, self.reason, self._has_kept = Storage.READY, "", True

    def _absent(self) -> None:
        if self._has_kept:  # a server that has just started answers like that, too
            self.storage, self.reason = Storage.MISSING, "JetStream does not answer"
            return
        if self.storage is not Storage.PLAIN:
            log.warning("JetStream is not enabled on the bus, records reach only current subscribers")
        self.storage, self.reason = Storage.PLAIN, ""

    def _refused(self, error: recordlog.RecordLogRefused) -> None:
        self.answers = True
        if not error.is_no_room:
            self.storage, self.reason = Storage.MISSING, str(error)
            return
        if self.storage is not Storage.PLAIN:
            log.error("no space for a record stream, records reach only current subscribers", reason=str(error))
        self.storage, self.reason = Storage.PLAIN, "no room for a record stream, records are not stored on the bus"


def refusal(answer: bytes) -> BusError | None:
    """What is wrong if the stream does not say that it has the record. A refusal names the stream as well."""
    try:
        word = rawjson.loads(answer)
    except NotJson:
        word = None
    if not isinstance(word, dict) or "stream" not in word:
        return BusError("the answer is not the record log's")
    if error := word.get("error"):
        description = error.get("description") if isinstance(error, dict) else None
        return BusError(f"the record log refuses the record: {description or 'no reason given'}")
    return None
