"""Puts the pieces of streamed tool calls in order: which call a piece belongs to, and its number."""

from __future__ import annotations

from gecholog.llm import tool_arguments
from gecholog.llm.deltas import ArgumentsDelta, Delta, ToolCallStarted
from gecholog.llm.dialects.openai_chat import signed
from gecholog.llm.dialects.openai_chat.message_parts import Json, text_in


class _Call:
    __slots__ = ("held", "id", "is_null", "name", "number")

    def __init__(self) -> None:
        self.number = -1  # not begun: its name has not come
        self.id = ""
        self.name = ""
        self.held = ""  # arguments that came before the name


class ToolCallStream:
    """The tool calls of one choice.

    OpenAI numbers them. Mistral and others leave the number out, Gemini's endpoint gives the same to all; then a new id
    or, without ids, another name begins a new call. What has no name at all is no call.
    """

    __slots__ = ("_by_index", "_choice", "_count", "_last")

    def __init__(self, choice: int) -> None:
        self._choice = choice
        self._by_index: dict[int, _Call] = {}
        self._last: _Call | None = None
        self._count = 0

    @property
    def has_any(self) -> bool:
        """Whether a call has begun."""
        return self._count > 0

    def read(self, piece: Json, found: list[Delta]) -> None:
        """Take a piece of a call, and add to `found` what it tells."""
        holder = piece.get("function")
        if not isinstance(holder, dict):
            holder = piece.get("custom")
            if not isinstance(holder, dict):
                holder = {}
        call = self._call_of(piece, text_in(piece, "id"), text_in(holder, "name"))
        value = holder.get("arguments")
        arguments = value if isinstance(value, str) else "" if value is None else tool_arguments.as_text(value)
        if call.number < 0 and call.name:
            signature = signed.call_signature(piece)
            call.number, self._count = self._count, self._count + 1
            found.append(
                ToolCallStarted(call.number, call.id, call.name, signature.text, signature.origin, self._choice)
            )
            arguments, call.held = call.held + arguments, ""
            if arguments == "null":  # Groq's word for none
                arguments = "{}"
        if call.number < 0:
            call.held += arguments
        elif arguments:
            found.append(ArgumentsDelta(call.number, arguments, self._choice))

    def _call_of(self, piece: Json, identity: str, name: str) -> _Call:
        index = piece.get("index")
        call = self._by_index.get(index) if type(index) is int else self._last
        if call is None or _is_another(call, identity, name):
            call = _Call()
            if type(index) is int:
                self._by_index[index] = call
        self._last = call
        call.id = call.id or identity
        call.name = call.name or name
        return call


def _is_another(call: _Call, identity: str, name: str) -> bool:
    if not name or not call.name:
        return False
    return identity != call.id if identity and call.id else name != call.name
