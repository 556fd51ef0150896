"""The errors of gecholog, in one small tree.

    GechologError
    ├── ConfigError          a config file is invalid; has all of its Problems
    ├── NotJson              bytes that should be JSON are not
    ├── FieldNotSent         a processor reads a field that gl did not send; also a KeyError
    ├── WrongSide            a field of responses is read from a request, or vice versa; also an AttributeError
    ├── InvalidResult        a processor's function returned something that gl cannot take; also a TypeError
    ├── InvalidEntry         an entry of a client key or an owner is invalid (keys.reading)
    ├── UnreadableEvent      an event of a stream is too large or nested too deep to be read (llm.event)
    ├── PriceTableError      a table of prices is invalid (llm.price_table)
    ├── InvalidRequestError  a request cannot be translated, because it is invalid (llm.errors)
    ├── UnsupportedParameterError  the target's dialect cannot express a part of a request (llm.errors)
    ├── InvalidResponseError  a provider's response is invalid in its dialect (llm.errors)
    ├── LedgerError          the ledger cannot be opened or used as it is configured (ledger.errors)
    ├── SecretStoreError     the secret store cannot be read or written (secret_key)
    ├── ValidationFailed     a program could not validate a config, or print its schema (validation)
    └── BusError
        ├── BusRefused       the bus cannot be used with this config: login, certificates, files
        │   └── LoginRefused   the bus does not accept the credentials
        ├── BusAway          there is no connection to the bus now
        ├── NoAnswer         a request on the bus got no answer in time
        │   ├── NobodyListens  the subject has no subscriber
        │   └── NotPermitted   the bus does not let these credentials publish there
        ├── MessageTooLarge  the message does not fit the bus's max_payload
        ├── NoJetStream      the bus has no JetStream (jetstream)
        │   ├── NoRecordLog    so records are not kept (recordlog)
        │   └── NoKeyValue     so state is not shared (keyvalue)
        ├── JetStreamRefused  JetStream refused a request (jetstream)
        │   ├── RecordLogRefused  about the record log (recordlog)
        │   └── KeyValueRefused   about a bucket (keyvalue)
        ├── Conflict         someone else has written the key (keyvalue)
        └── Exists           a client key or an owner exists already, or has changed meanwhile (key_store)

Errors have data but never secrets, because their messages may be logged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class GechologError(Exception):
    """The base class of all errors that this project raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem in a config file.

    `path` is the field (`routers[2].outbound.url`), empty for the file as a whole. `rule` says what was expected, and
    never contains a value from the file. `line` counts from 1 in the file as its owner sees it; None if unknown.
    `consequence` says what follows (`router /a/ is left out`), empty if it is obvious. `unset` are the environment
    variables without a value that caused the problem. `pointer` is the field as a JSON pointer (RFC 6901), in which a
    name from the environment is written as its variables; empty for the file as a whole.
    """

    path: str
    rule: str
    line: int | None = None
    consequence: str = ""
    unset: tuple[str, ...] = ()
    pointer: str = field(default="", compare=False)

    @property
    def fields(self) -> dict[str, str | int | None]:
        """The problem as fields of a log line."""
        fields = {"path": self.path, "line": self.line, "rule": self.rule}
        return fields | {"consequence": self.consequence} if self.consequence else fields

    def __str__(self) -> str:
        where = self.path or "file"
        text = f"{where} (line {self.line}): {self.rule}" if self.line else f"{where}: {self.rule}"
        return f"{self.consequence}: {text}" if self.consequence else text


def summary(problems: Sequence[str]) -> str:
    """The first of several problems, and how many more there are."""
    more = len(problems) - 1
    return problems[0] + (f" (and {more} more problem{'' if more == 1 else 's'})" if more else "") if problems else ""


class ConfigError(GechologError):
    """A config file is invalid, because of `problems`. `warnings` are the other problems of the file."""

    def __init__(self, source: str, problems: Sequence[Problem], warnings: Sequence[Problem] = ()) -> None:
        self.source = source
        self.problems = tuple(problems)
        self.warnings = tuple(warnings)
        super().__init__(f"{source}: " + "; ".join(str(problem) for problem in self.problems))

    @property
    def summary(self) -> str:
        """The first problem, and how many more there are."""
        return summary([str(problem) for problem in self.problems])


class NotJson(GechologError):
    """Bytes that should be JSON, or a JSON object, are not."""


class FieldNotSent(GechologError, KeyError):
    """A processor reads a field that was not sent to it, by its entry in gl_config.json."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)

    def __str__(self) -> str:
        return (
            f"the field {self.name} was not sent: the call has none, or the processor's entry in gl_config.json leaves "
            f"it out (input_fields_include, input_fields_exclude)"
        )


class WrongSide(GechologError, AttributeError):
    """A property of requests that was read from a response, or of responses that was read from a request."""

    def __init__(self, name: str, side: str) -> None:
        """`side` is where the field is: `request` or `response`."""
        super().__init__(f"{name} is a field of {side}s: its function is decorated with @processor.{side}")
        self.name = name


class InvalidResult(GechologError, TypeError):
    """A processor's function returned something other than a dict of fields that can be written as JSON, or None."""


OtherSide, NoFields = WrongSide, InvalidResult
"""The names of `WrongSide` and `InvalidResult` up to version 1.1, for processors that import them."""


class BusError(GechologError):
    """Something went wrong on the service bus."""


class BusRefused(BusError):
    """The bus cannot be used with this config: the credentials, the certificates or a file are wrong."""


class LoginRefused(BusRefused):
    """The bus does not accept the credentials."""


class BusAway(BusError):
    """There is no connection to the bus now; the client is trying to connect."""


class NoAnswer(BusError):
    """A request on the bus got no answer in time, or its subject has no subscriber."""


class NobodyListens(NoAnswer):
    """The subject of a request on the bus has no subscriber."""


class NotPermitted(NoAnswer):
    """A request went to a subject on which the bus does not let these credentials publish."""


class MessageTooLarge(BusError):
    """A message is larger than the `max_payload` of the bus."""

    def __init__(self, size: int, limit: int) -> None:
        self.size = size
        self.limit = limit
        super().__init__(f"message of {size} bytes, the bus takes {limit}")
