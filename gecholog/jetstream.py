"""Calls JetStream's JSON API by requests on the bus, and interprets its errors.

https://docs.nats.io/reference/reference-protocols/nats_api_reference
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from gecholog import rawjson
from gecholog.errors import BusError, NoAnswer, NobodyListens, NotJson

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TIMEOUT = 5.0  # seconds; storing waits for the disk
NANOSECONDS = 1_000_000_000  # a second, in the unit of JetStream's times

# JetStream's numbers for errors (nats-server, server/errors.json)
_NO_PEERS = 10005  # too few servers in the cluster for the replicas
TOO_FEW_SERVERS = frozenset({_NO_PEERS, 10074})  # the latter where there is no cluster
NO_CONSUMER = 10014
NO_MESSAGE = 10037
NO_ROOM = 10047
STREAM_EXISTS = 10058  # with another configuration
NO_STREAM = 10059
SUBJECT_TAKEN = 10065  # by another stream
WRONG_SEQUENCE = frozenset({10071, 10164})  # the last message is not the one that was expected
_NOT_ENABLED = frozenset({10039, 10076})  # for this account, for the whole server
_NOT_READY = frozenset({10008, 10009})  # starting, or a cluster without a leader

_API = "$JS.API."


class NoJetStream(BusError):
    """The bus has no JetStream."""


class JetStreamRefused(BusError):
    """JetStream refused a request. `code` is its number for the error."""

    def __init__(self, code: int, description: str) -> None:
        self.code = code
        super().__init__(f"JetStream refuses: {description} ({code})")


class Requester(Protocol):
    """The part of the bus that is needed here."""

    async def request(self, subject: str, data: bytes, timeout: float) -> bytes:  # noqa: ASYNC109 - the bus's own
        """Send a request, and wait `timeout` seconds for one reply. Raises NoAnswer, BusAway, MessageTooLarge."""


@dataclass(frozen=True, slots=True)
class Errors:
    """The exceptions to raise if there is no JetStream, and for its refusals."""

    absent: type[NoJetStream] = NoJetStream
    refused: type[JetStreamRefused] = JetStreamRefused


_PLAIN = Errors()


async def ask(
    bus: Requester, call: str, body: Mapping[str, Any] | None = None, errors: Errors = _PLAIN
) -> dict[str, Any]:
    """Call the API. Raises `errors`, NoAnswer (retry), BusAway."""
    try:
        data = await bus.request(_API + call, rawjson.dumps(dict(body)) if body else b"", TIMEOUT)
    except NobodyListens as error:
        raise errors.absent("the bus has no JetStream") from error
    return answered(data, errors)


def answered(data: bytes, errors: Errors = _PLAIN) -> dict[str, Any]:
    """Parse the reply to an API call, or to a message for a stream. Raises `errors`, NoAnswer (retry)."""
    with understood():
        answer = _object(data)
        fault = answer.get("error")
        if fault is None:
            return answer
        code, description = int(fault.get("err_code", 0)), str(fault.get("description", "no reason given"))
    if code == _NO_PEERS and "insufficient storage" in description:  # how a cluster says it
        code = NO_ROOM
    if code in _NOT_ENABLED:
        raise errors.absent("JetStream is not enabled for this account")
    if code in _NOT_READY:
        raise NoAnswer("JetStream is not ready yet")
    raise errors.refused(code, description)


@contextmanager
def understood() -> Iterator[None]:
    """Guards the parsing of a reply. Another client may send anything as a reply: raises NoAnswer for that."""
    try:
        yield
    except (NotJson, LookupError, ValueError, TypeError, AttributeError, ArithmeticError) as error:
        raise NoAnswer("the answer is not JetStream's") from error


def _object(data: bytes) -> dict[str, Any]:
    answer = rawjson.loads(data)
    if not isinstance(answer, dict):
        raise TypeError("not an object")
    return answer
