"""Reads the tools of a request, and which of them is to be called; also in the form before tools, `functions`."""

from __future__ import annotations

from typing import Any

from gecholog.llm import checked
from gecholog.llm.chat import Tool, ToolChoice, ToolMode
from gecholog.llm.checked import Json
from gecholog.llm.unread import Unread

# The members of objects that are read; others are hints.
_TOOL = frozenset({"type", "function", "cache_control"})
_FUNCTION = frozenset({"name", "description", "parameters", "strict", "cache_control"})
_MODES = {
    "auto": ToolMode.AUTO,
    "none": ToolMode.NONE,
    "required": ToolMode.REQUIRED,
    "any": ToolMode.REQUIRED,  # Mistral's word
}


def read_tools(body: Json, unread: Unread) -> tuple[Tool, ...]:
    """The functions among the tools. If there are others (free-text tools, server tools), `tools` goes to `unread`."""
    tools: list[Tool] = []
    for index, item in enumerate(checked.optional_list(body, "tools")):
        path = f"tools[{index}]"
        tool = checked.an_object(item, path)
        if checked.text(tool, "type", f"{path}.") == "function":
            function = checked.an_object(tool.get("function"), f"{path}.function")
            unread.note(tool, _TOOL, "tools")
            unread.note(function, _FUNCTION, "function")
            cache_control = function.get("cache_control") or tool.get("cache_control")
            tools.append(_tool(function, f"{path}.function.", cache_control))
        else:
            unread.required["tools"] = body["tools"]
    for index, item in enumerate(checked.optional_list(body, "functions")):
        path = f"functions[{index}]"
        function = checked.an_object(item, path)
        unread.note(function, _FUNCTION, "functions")
        tools.append(_tool(function, f"{path}.", None))
    return tuple(tools)


def _tool(function: Json, path: str, cache_control: Any) -> Tool:
    return Tool(
        name=checked.text(function, "name", path),
        description=checked.optional_text(function, "description", path) or "",
        parameters=checked.optional_object(function, "parameters", path),
        strict=checked.optional_bool(function, "strict", path),
        cache_control=cache_control if isinstance(cache_control, dict) else None,
    )


def read_tool_choice(body: Json, tools: tuple[Tool, ...], unread: Unread) -> tuple[ToolChoice | None, tuple[Tool, ...]]:
    """The choice, and the tools that it leaves. A choice of what is no function goes to `unread`."""
    choice = body.get("tool_choice")
    if choice is None:
        choice = body.get("function_call")
    if choice is None:
        return None, tools
    if isinstance(choice, str):
        if choice not in _MODES:
            checked.refuse("tool_choice", "must be one of none, auto, required, or name a function")
        return ToolChoice(_MODES[choice]), tools
    chosen = checked.an_object(choice, "tool_choice")
    if chosen.get("type") == "allowed_tools":
        return _allowed(chosen, tools, unread)
    if chosen.get("type", "function") != "function":
        unread.required["tool_choice"] = choice
        return None, tools
    function = chosen.get("function")
    name = checked.text(function if isinstance(function, dict) else chosen, "name", "tool_choice.function.")
    return ToolChoice(ToolMode.NAMED, (name,)), tools


def _allowed(chosen: Json, tools: tuple[Tool, ...], unread: Unread) -> tuple[ToolChoice | None, tuple[Tool, ...]]:
    """Some of the tools, from which the model may or must choose. For `auto` the others are as if they were not there.

    https://platform.openai.com/docs/guides/function-calling#allowed-tools
    """
    path = "tool_choice.allowed_tools."
    allowed = chosen.get("allowed_tools")
    allowed = allowed if isinstance(allowed, dict) else chosen
    names: list[str] = []
    for index, item in enumerate(checked.optional_list(allowed, "tools", path)):
        tool = checked.an_object(item, f"{path}tools[{index}]")
        if tool.get("type", "function") != "function":
            unread.required["tool_choice"] = chosen
            return None, tools
        function = tool.get("function")
        holder = function if isinstance(function, dict) else tool
        names.append(checked.text(holder, "name", f"{path}tools[{index}].function."))
    if allowed.get("mode") == "required":
        return ToolChoice(ToolMode.REQUIRED, tuple(names)), tools
    if allowed.get("mode") == "none":
        return ToolChoice(ToolMode.NONE), tools
    return ToolChoice(ToolMode.AUTO), tuple(tool for tool in tools if tool.name in names)
