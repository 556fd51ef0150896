"""Reads the messages of a request."""

from __future__ import annotations

from typing import Any

from gecholog.llm import checked, tool_arguments
from gecholog.llm.chat import Message, Part, Reasoning, Refusal, Role, ToolCall, ToolResult
from gecholog.llm.checked import Json
from gecholog.llm.dialects.openai_chat import signed
from gecholog.llm.dialects.openai_chat.content_reader import read_content

_ROLES = {"system": Role.SYSTEM, "developer": Role.SYSTEM, "user": Role.USER, "assistant": Role.ASSISTANT}


class MessageReader:
    """Reads messages in their order: results of tools that follow each other become one message of the user.

    `foreign` holds, by their path, parts that have no place in the neutral form. The functions of before there were
    tools have no ids: a result belongs to the last call of its name.
    """

    __slots__ = ("_calls", "_last_of_function", "_names", "foreign")

    def __init__(self) -> None:
        self.foreign: Json = {}
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
        content = read_content(message.get("content"), f"{path}.content", self.foreign)
        if role is not Role.ASSISTANT:
            return tuple(content)
        if message.get("audio") is not None:  # spoken before: only its id is here, and the sound is at OpenAI
            self.foreign[f"{path}.audio"] = message["audio"]
        refusal = checked.optional_text(message, "refusal", f"{path}.")
        refusals = [Refusal(refusal)] if refusal else []
        return (*_reasoning(message, path), *content, *refusals, *self._tool_calls(message, path))

    # ------------------------------------------------------------------ tools

    def _tool_calls(self, message: Json, path: str) -> list[ToolCall]:
        calls: list[ToolCall] = []
        for index, item in enumerate(checked.optional_list(message, "tool_calls", f"{path}.")):
            place = f"{path}.tool_calls[{index}]"
            call = checked.an_object(item, place)
            if call.get("type", "function") not in ("function", None):
                self.foreign[place] = call
                continue
            function = checked.an_object(call.get("function"), f"{place}.function")
            calls.append(self._call(function, checked.optional_text(call, "id", f"{place}.") or "", place, call))
        legacy = checked.optional_object(message, "function_call", f"{path}.")
        if legacy is not None:
            calls.append(self._call(legacy, "", f"{path}.function_call", {}))
        return calls

    def _call(self, function: Json, identity: str, path: str, call: Json) -> ToolCall:
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
        parts = read_content(message.get("content"), f"{path}.content", self.foreign)
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
