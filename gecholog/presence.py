"""Lists a processor on the bus by the NATS services protocol (ADR-32), as `nats micro ls` shows it.

It answers on `$SRV.PING`, `$SRV.INFO` and `$SRV.STATS`, each also with its name, and with its name and id. There is no
queue group: all running processors answer.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gecholog import rawjson
from gecholog.attachment import Attachment
from gecholog.bus import Bus, BusMessage
from gecholog.errors import NotJson
from gecholog.timer import now, rfc3339

_NO_RESPONDERS = "503"  # the answer of the server itself: there is no subscriber
_TYPE = "io.nats.micro.v1.{}_response"
_NAME = re.compile(r"[A-Za-z0-9_-]+")
# semver.org's own pattern, in parts
_NUMBER = r"(?:0|[1-9]\d*)"
_VERSION = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
    rf"(?:-(?:{_NUMBER}|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:{_NUMBER}|\d*[A-Za-z-][0-9A-Za-z-]*))*)?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)


def is_name(text: str) -> bool:
    """Tell whether the protocol allows this name: letters, digits, `-` and `_`."""
    return _NAME.fullmatch(text) is not None


def is_version(text: str) -> bool:
    """Tell whether this is a semantic version, as the protocol requires."""
    return _VERSION.fullmatch(text) is not None


@dataclass(slots=True)
class Presence:
    """What a running processor tells about itself. `attachment` is its only endpoint."""

    name: str
    version: str
    description: str
    attachment: Attachment
    id: str = field(default_factory=lambda: secrets.token_hex(11))
    started: str = field(default_factory=lambda: _to_the_microsecond(now().wall_ns))

    async def begin(self, bus: Bus) -> None:
        """Answer on the protocol's subjects, on this connection to the bus and on all later ones."""
        for verb, words in self._verbs().items():
            for subject in self._subjects(verb):
                await bus.subscribe(subject, partial(_say, words))

    def _verbs(self) -> dict[str, Callable[[], dict[str, Any]]]:
        return {"PING": self.ping, "INFO": self.info, "STATS": self.stats}

    def _subjects(self, verb: str) -> list[str]:
        return [f"$SRV.{verb}", f"$SRV.{verb}.{self.name}", f"$SRV.{verb}.{self.name}.{self.id}"]

    def ping(self) -> dict[str, Any]:
        return self._who("ping")

    def info(self) -> dict[str, Any]:
        return self._who("info") | {"description": self.description, "endpoints": [self._endpoint() | {"metadata": {}}]}

    def stats(self) -> dict[str, Any]:
        counts = self.attachment.counts
        endpoint = self._endpoint() | {
            "num_requests": counts.messages,
            "num_errors": counts.errors,
            "last_error": counts.last_error,
            "data": None,
            "processing_time": counts.spent_ns,
            "average_processing_time": counts.spent_ns // counts.messages if counts.messages else 0,
        }
        return self._who("stats") | {"started": self.started, "endpoints": [endpoint]}

    def _who(self, verb: str) -> dict[str, Any]:
        return {
            "type": _TYPE.format(verb),
            "name": self.name,
            "id": self.id,
            "version": self.version,
            "metadata": {"hostname": socket.gethostname()},
        }

    def _endpoint(self) -> dict[str, Any]:
        return {"name": self.name, "subject": self.attachment.subject, "queue_group": self.attachment.queue}


def _to_the_microsecond(wall: int) -> str:
    """A time with six decimals: some clients cannot read more (nats-py 2.16, `ServiceStats.from_dict`)."""
    return rfc3339(wall).removesuffix("Z")[:-3] + "Z"


async def _say(words: Callable[[], dict[str, Any]], message: BusMessage) -> None:
    await message.answer(rawjson.dumps(words()))


async def is_present(bus: Bus, name: str, hostname: str, timeout: float) -> bool:  # noqa: ASYNC109 - a whole request
    """Ask the bus whether the processor `name` runs on the host `hostname`. Raises BusAway.

    Several may run, and all of them answer, so this uses an inbox of its own.
    """
    inbox = bus.new_inbox()
    verdict: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def on_reply(message: BusMessage) -> None:
        nobody = message.headers.get("Status") == _NO_RESPONDERS
        if not verdict.done() and (nobody or _hostname(message.data) == hostname):
            verdict.set_result(not nobody)

    await bus.subscribe(inbox, on_reply)
    try:
        await bus.publish(f"$SRV.PING.{name}", b"", reply=inbox)
        return await asyncio.wait_for(verdict, timeout)
    except TimeoutError:
        return False
    finally:
        await bus.unsubscribe(inbox)


def _hostname(data: bytes) -> Any:
    """The `hostname` of an answer to PING, or None."""
    try:
        answer = rawjson.loads(data)
    except NotJson:
        return None
    metadata = answer.get("metadata") if isinstance(answer, dict) else None
    return metadata.get("hostname") if isinstance(metadata, dict) else None
