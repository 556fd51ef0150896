"""The record stream: whether JetStream stores records, or they reach current subscribers only."""

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

_ACKNOWLEDGED = b'{"stream":"'  # how nats-server begins the acknowledgement of a message


class Storage(Enum):
    """What is known of the stream of records."""

    UNKNOWN = "unknown"  # the bus has not replied yet: records are published with a request for an acknowledgement
    READY = "ready"
    PLAIN = "plain"  # there is no stream until the next connection: records are published to subscribers only
    MISSING = "missing"  # there should be one: records wait, so that plain subscribers do not get them repeatedly


class RecordStream:
    """The stream of one bus and subject."""

    def __init__(self) -> None:
        self.storage = Storage.UNKNOWN
        self.reason = ""  # why it is MISSING, or PLAIN for lack of space
        self.responds = False  # JetStream replied to our last request
        self._was_ever_ready = False
        self._was_ready = False  # since the last connection

    @property
    def is_durable(self) -> bool:
        return self.storage is not Storage.PLAIN

    @property
    def is_missing(self) -> bool:
        return self.storage is Storage.MISSING

    @property
    def vanished(self) -> bool:
        """Whether JetStream stopped while the server is running: it does so if it cannot write to disk."""
        return self.is_missing and self._was_ready

    def connected(self) -> None:
        """Note a new connection, perhaps to a restarted server."""
        self._was_ready = False

    async def prepare(self, bus: Bus, subject: str, config: RecordLogConfig) -> None:
        """Find the stream, or create it. Without a reply of the bus, the state does not change."""
        self.responds = False
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
        self.responds = self._was_ready = True
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
        self.storage, self.reason, self._was_ever_ready = Storage.READY, "", True

    def _absent(self) -> None:
        if self._was_ever_ready:  # a server that has just started replies like this, too
            self.storage, self.reason = Storage.MISSING, "JetStream does not answer"
            return
        if self.storage is not Storage.PLAIN:
            log.warning("JetStream is not enabled on the bus, records reach only current subscribers")
        self.storage, self.reason = Storage.PLAIN, ""

    def _refused(self, error: recordlog.RecordLogRefused) -> None:
        self.responds = True
        if not error.is_no_room:
            self.storage, self.reason = Storage.MISSING, str(error)
            return
        if self.storage is not Storage.PLAIN:
            log.error("no space for a record stream, records reach only current subscribers", reason=str(error))
        self.storage, self.reason = Storage.PLAIN, "no room for a record stream, records are not stored on the bus"


def publish_error(reply: bytes) -> BusError | None:
    """Return the error in the stream's reply to a record; None if it is an acknowledgement."""
    if reply.startswith(_ACKNOWLEDGED) and b'"error"' not in reply:  # nearly every reply
        return None
    try:
        ack = rawjson.loads(reply)
    except NotJson:
        ack = None
    if not isinstance(ack, dict) or "stream" not in ack:
        return BusError("the answer is not the record log's")
    if error := ack.get("error"):
        description = error.get("description") if isinstance(error, dict) else None
        return BusError(f"the record log refuses the record: {description or 'no reason given'}")
    return None
