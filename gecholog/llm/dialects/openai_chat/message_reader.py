"""Reads the messages of a request."""

from __future__ import annotations

from typing import Any

from gecholog.llm import checked, tool_arguments
from gecholog.llm.chat import Message, Part, Reasoning, Refusal, Role, ToolCall, ToolResult
from gecholog.llm.checked import Json
from gecholog.llm.dialects.openai_chat import signed
from gecholog.llm.dialects.openai_chat.content_reader import read_content
from gecholog.llm.unread import Unread

# The members of objects in messages that are read; others are hints.
_SAID = frozenset({"role", "content", "name"})
_ASSISTANT = _SAID | {
    "refusal",
    "audio",
    "tool_calls",
    "function_call",
    "thinking_blocks",
    "reasoning_content",
    "reasoning",
}
_RESULT = _SAID | {"tool_call_id", "cache_control"}
_CALL = frozenset({"id", "type", "function", "extra_content", "cache_control", "index"})
_FUNCTION = frozenset({"name", "arguments"})
_ROLES = {"system": Role.SYSTEM, "developer": Role.SYSTEM, "user": Role.USER, "assistant": Role.ASSISTANT}


class MessageReader:
    """Reads messages in their order: results of tools that follow each other become one message of the user.

    What has no place in the neutral form goes to `unread`, parts by their path. The functions of before there were
    tools have no ids: a result belongs to the last call of its name.
    """

    __slots__ = ("_calls", "_last_of_function", "_names", "_unread")

    def __init__(self, unread: Unread) -> None:
        self._unread = unread
        self._names: dict[str, str] = {}  # the tool of a call, by the call's id
        self._last_of_function: dict[str, str] = {}
        self._calls = 0

    def read(self, messages: list[Any]) -> tuple[Message, ...]:
        """The messages. Raises InvalidRequestError."""
        found: list[Message] = []
        results: list[ToolResult] = []
        for index, item in enumerate(messages):
            path = f"messages[{index}]"
            message = checked.an_object(item, path)
            role = message.get("role")
            if role in ("tool", "function"):
                results.append(self._result(message, path))
                continue
            if not isinstance(role, str) or role not in _ROLES:
                checked.refuse(f"{path}.role", "must be system, developer, user, assistant or tool")
            if results:
                found.append(Message(Role.USER, tuple(results)))
                results = []
            name = checked.optional_text(message, "name", f"{path}.") or ""
            found.append(Message(_ROLES[role], self._parts(_ROLES[role], message, path), name))
        if results:
            found.append(Message(Role.USER, tuple(results)))
        return tuple(found)

    def _parts(self, role: Role, message: Json, path: str) -> tuple[Part, ...]:
        content = self._content(message, path)
        if role is not Role.ASSISTANT:
            self._unread.note(message, _SAID, "messages")
            return content
        self._unread.note(message, _ASSISTANT, "messages")
        if message.get("audio") is not None:  # spoken before: only its id is here, and the sound is at OpenAI
            self._unread.required[f"{path}.audio"] = message["audio"]
        refusal = checked.optional_text(message, "refusal", f"{path}.")
        refusals = [Refusal(refusal)] if refusal else []
        return (*_reasoning(message, path), *content, *refusals, *self._tool_calls(message, path))

    def _content(self, message: Json, path: str) -> tuple[Part, ...]:
        parts = read_content(message.get("content"), f"{path}.content", self._unread)
        if message["role"] != "assistant" and any(isinstance(part, Reasoning) for part in parts):
            checked.refuse(f"{path}.content", "may have parts of the type thinking in messages of the assistant only")
        return parts

    # ------------------------------------------------------------------ tools

    def _tool_calls(self, message: Json, path: str) -> list[ToolCall]:
        calls: list[ToolCall] = []
        for index, item in enumerate(checked.optional_list(message, "tool_calls", f"{path}.")):
            place = f"{path}.tool_calls[{index}]"
            call = checked.an_object(item, place)
            if call.get("type", "function") not in ("function", None):
                self._unread.required[place] = call
                continue
            self._unread.note(call, _CALL, "tool_calls")
            function = checked.an_object(call.get("function"), f"{place}.function")
            calls.append(self._call(function, checked.optional_text(call, "id", f"{place}.") or "", place, call))
        legacy = checked.optional_object(message, "function_call", f"{path}.")
        if legacy is not None:
            calls.append(self._call(legacy, "", f"{path}.function_call", {}))
        return calls

    def _call(self, function: Json, identity: str, path: str, call: Json) -> ToolCall:
        self._unread.note(function, _FUNCTION, "tool_calls.function")
        name = checked.text(function, "name", f"{path}.name" if path.endswith("call") else f"{path}.function.")
        self._calls += 1
        identity = identity or f"call_{self._calls}"
        self._last_of_function[name] = identity
        self._names[identity] = name
        signature = signed.call_signature(call)
        cache_control = call.get("cache_control")
        return ToolCall(
            identity,
            name,
            tool_arguments.as_text(function.get("arguments")),
            signature.text,
            signature.origin,
            cache_control if isinstance(cache_control, dict) else None,
        )

    def _result(self, message: Json, path: str) -> ToolResult:
        name = checked.optional_text(message, "name", f"{path}.") or ""
        if message["role"] == "function":
            call_id = self._last_of_function.get(name, name)
        else:
            call_id = checked.text(message, "tool_call_id", f"{path}.")
        parts = self._content(message, path)
        self._unread.note(message, _RESULT, "messages")
        cache_control = message.get("cache_control")
        return ToolResult(
            call_id,
            parts,  # type: ignore[arg-type]
            self._names.get(call_id, name),
            cache_control=cache_control if isinstance(cache_control, dict) else None,
        )


# ------------------------------------------------------------------ reasoning


def _reasoning(message: Json, path: str) -> list[Reasoning]:
    """What the model thought: blocks with their signatures if there are any, else the text alone."""
    blocks = [
        signed.read_block(checked.an_object(item, f"{path}.thinking_blocks[{index}]"))
        for index, item in enumerate(checked.optional_list(message, "thinking_blocks", f"{path}."))
    ]
    if blocks:
        return blocks
    for name in ("reasoning_content", "reasoning"):
        told = message.get(name)
        if isinstance(told, str) and told:
            return [Reasoning(told)]
    return []
