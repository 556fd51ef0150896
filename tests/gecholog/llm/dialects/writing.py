"""Builders for tests of what a dialect writes."""

from dataclasses import dataclass
from typing import Any

from gecholog.llm.chat import ChatRequest, Message, Part, Role, Text
from gecholog.llm.chat_dialect import ChatDialect, Target, WrittenRequest

HELLO = (Message(Role.USER, (Text("hello"),)),)


def said(*parts: Part, role: Role = Role.USER) -> Message:
    """A message of the user, or of another role."""
    return Message(role, parts)


@dataclass(frozen=True, slots=True)
class Writing:
    """Requests in a dialect, for `model` unless another one is named."""

    dialect: ChatDialect
    model: str

    def write(self, model: str = "", messages: tuple[Message, ...] = HELLO, **fields: Any) -> WrittenRequest:
        """Write a request with other fields of the neutral form."""
        return self.dialect.write_request(ChatRequest("m", messages, **fields), Target(model or self.model))

    def body(self, model: str = "", messages: tuple[Message, ...] = HELLO, **fields: Any) -> dict[str, Any]:
        """The body of a request."""
        return self.write(model, messages, **fields).body

    def dropped(self, model: str = "", messages: tuple[Message, ...] = HELLO, **fields: Any) -> tuple[str, ...]:
        """The hints that a request loses."""
        return self.write(model, messages, **fields).dropped
