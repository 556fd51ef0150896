"""The errors of gecholog, one small tree.

    GechologError
    ├── ConfigError          a config file that cannot be used; carries every Problem
    ├── NotJson              bytes that should be JSON and are not
    ├── FieldNotSent         a field that a processor asks for and gl did not send; also a KeyError
    ├── WrongSide            a field of responses asked of a request, or the other way round; also an AttributeError
    ├── InvalidResult        a processor's function returned something that gl cannot take; also a TypeError
    ├── PriceTableError      a table of prices that cannot be used (llm.price_table)
    └── BusError
        ├── BusRefused       the bus cannot be used with this config: login, certificates, files
        │   └── LoginRefused   the bus does not accept the credentials
        ├── BusAway          there is no connection to the bus now
        ├── NoAnswer         a request on the bus got no answer in time
        │   ├── NobodyListens  there is nobody who could answer
        │   └── NotPermitted   the bus does not let these credentials publish there
        ├── MessageTooLarge  the message does not fit the bus's max_payload
        ├── NoJetStream      the bus has no JetStream (jetstream)
        │   ├── NoRecordLog    so nobody keeps records (recordlog)
        │   └── NoKeyValue     so nothing can be shared (keyvalue)
        ├── JetStreamRefused  JetStream would not do what was asked (jetstream)
        │   ├── RecordLogRefused  of the record log (recordlog)
        │   └── KeyValueRefused   of a bucket (keyvalue)
        └── Conflict         somebody else wrote the key before (keyvalue)

Errors carry data, never secrets: whatever a message says may end up in a log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class GechologError(Exception):
    """The root of all errors that this project raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a config file.

    `path` is the field (`routers[2].outbound.url`), empty for the file as a whole; `rule` says what was expected and
    never holds a value from the file; `line` counts from 1 in the file as its owner sees it, None if unknown.
    `consequence` says what follows from it (`router /a/ is left out`), empty if that is plain. `unset` are the
    environment variables without a value that the wrong value comes from.
    """

    path: str
    rule: str
    line: int | None = None
    consequence: str = ""
    unset: tuple[str, ...] = ()

    @property
    def fields(self) -> dict[str, str | int | None]:
        """The same as fields of a log line."""
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
    """A config file that cannot be used. `problems` lists why; `warnings` what else would have been said of it."""

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
    """Bytes that should be JSON (or a JSON object) and are not."""


class FieldNotSent(GechologError, KeyError):
    """A field that a processor asks for, and that its entry in gl_config.json does not let it see."""

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
    """There is no connection to the bus now; it is being looked for."""


class NoAnswer(BusError):
    """A request on the bus got no answer: the time was up, or the subject has no subscriber."""


class NobodyListens(NoAnswer):
    """A request on the bus had no receiver."""


class NotPermitted(NoAnswer):
    """A request went to a subject on which the bus does not let these credentials publish."""


class MessageTooLarge(BusError):
    """A message does not fit the bus's `max_payload`."""

    def __init__(self, size: int, limit: int) -> None:
        self.size = size
        self.limit = limit
        super().__init__(f"message of {size} bytes, the bus takes {limit}")
