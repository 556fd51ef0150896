"""Checks of the tools of a request to Anthropic's API, and of their choice."""

from __future__ import annotations

from services.dummy.anthropic.form import CACHE, NAME, cache, fields, listed, text, wrong
from services.dummy.api_error import ApiError
from services.dummy.fields import JsonBody

_TOOL = (
    frozenset({"input_schema", "name"}),
    CACHE
    | {
        "allowed_callers",
        "defer_loading",
        "description",
        "eager_input_streaming",
        "input_examples",
        "strict",
        "type",
    },
)
_CHOICES = {"auto": False, "any": False, "none": False, "tool": True}  # whether it names a tool
_NONE: frozenset[str] = frozenset()


def check(body: JsonBody) -> None:
    """Check tools and their choice. Raises ApiError."""
    names = []
    for index, tool in enumerate(listed(body.get("tools", []), "tools")):
        place = f"tools.{index}"
        if not isinstance(tool, dict):
            raise wrong(place, "Input should be a valid dictionary or object to extract fields from")
        if tool.get("type") not in (None, "custom"):
            continue  # a tool that runs at Anthropic, or of its own making
        place = f"{place}.custom"
        fields(tool, place, _TOOL[0], _TOOL[1])
        cache(tool, place)
        text(tool["name"], f"{place}.name")
        if not NAME.fullmatch(tool["name"]):
            raise wrong(f"{place}.name", f"String should match pattern '^{NAME.pattern}$'")
        if not isinstance(tool["input_schema"], dict):
            raise wrong(f"{place}.input_schema", "Input should be a valid dictionary")
        if tool["input_schema"].get("type") != "object":
            problem = "Input should be 'object'" if "type" in tool["input_schema"] else "Field required"
            raise wrong(f"{place}.input_schema.type", problem)
        names.append(tool["name"])
    if len(set(names)) < len(names):
        raise ApiError("tools: Tool names must be unique.", param="tools")
    _tool_choice(body)


def _tool_choice(body: JsonBody) -> None:
    choice = body.get("tool_choice")
    if choice is None:
        return
    kind = choice.get("type") if isinstance(choice, dict) else None
    if not isinstance(kind, str) or kind not in _CHOICES:
        raise wrong("tool_choice", "Input should be 'auto', 'any', 'tool' or 'none'")
    required = {"type", "name"} if _CHOICES[kind] else {"type"}
    optional = _NONE if kind == "none" else frozenset({"disable_parallel_tool_use"})
    fields(choice, f"tool_choice.{kind}", required, optional)
