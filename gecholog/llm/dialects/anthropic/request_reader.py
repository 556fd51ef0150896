"""Reads requests for Anthropic messages, and for counting their tokens, into the neutral form."""

from __future__ import annotations

from typing import Any

from gecholog.llm.chat import (
    ChatRequest,
    Message,
    ReasoningConfig,
    ResponseFormat,
    Role,
    Text,
    Tool,
    ToolChoice,
    ToolMode,
)
from gecholog.llm.checked import (
    Json,
    a_list,
    an_object,
    optional_bool,
    optional_int,
    optional_list,
    optional_number,
    optional_object,
    optional_text,
    optional_texts,
    refuse,
    text,
)
from gecholog.llm.dialects.anthropic.blocks import UnknownBlockError, message_parts, parts_of
from gecholog.llm.unread import Unread

_MODES = {"auto": ToolMode.AUTO, "any": ToolMode.REQUIRED, "none": ToolMode.NONE, "tool": ToolMode.NAMED}
# Fields that have a place in the neutral form. Others are hints, or are required.
_READ = frozenset(
    {
        "model",
        "messages",
        "system",
        "max_tokens",
        "metadata",
        "stop_sequences",
        "stream",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
        "output_config",
        "output_format",
        "service_tier",
    }
)
_REQUIRED = frozenset({"container", "mcp_servers", "inference_geo"})
_NOT_HINTS = _READ | _REQUIRED
_SERVICE_TIERS = {"auto": "auto", "standard_only": "default"}  # → OpenAI's
# The members of objects in a request that are read; others are hints.
_MESSAGE = frozenset({"role", "content"})
_TOOL = frozenset({"type", "name", "description", "input_schema", "strict", "cache_control", "allowed_callers"})
_CHOICE = frozenset({"type", "name", "disable_parallel_tool_use"})
_THINKING = frozenset({"type", "budget_tokens", "display"})
_OUTPUT_CONFIG = frozenset({"format", "effort"})
_FORMAT = frozenset({"type", "schema"})
_METADATA = frozenset({"user_id"})


def read_request(body: Json) -> ChatRequest:
    """The neutral form of a request. Raises InvalidRequestError."""
    unread = Unread()
    unread.required |= {name: value for name, value in body.items() if name in _REQUIRED and value}
    messages = _messages(body, unread)
    tools = _tools(body, unread)
    choice = optional_object(body, "tool_choice")
    for name, members in (("tool_choice", _CHOICE), ("thinking", _THINKING), ("output_config", _OUTPUT_CONFIG)):
        unread.note(optional_object(body, name) or {}, members, name)
    is_single = None if choice is None else optional_bool(choice, "disable_parallel_tool_use", "tool_choice.")
    is_streamed = bool(optional_bool(body, "stream"))
    return ChatRequest(
        model=text(body, "model", ""),
        messages=messages,
        tools=tools,
        tool_choice=None if choice is None else _tool_choice(choice),
        parallel_tool_calls=None if is_single is None else not is_single,
        response_format=_response_format(body, unread),
        reasoning=_reasoning(body),
        max_tokens=optional_int(body, "max_tokens"),
        temperature=optional_number(body, "temperature"),
        top_p=optional_number(body, "top_p"),
        top_k=optional_int(body, "top_k"),
        stop=optional_texts(body, "stop_sequences"),
        is_streamed=is_streamed,
        wants_usage=is_streamed,
        hints=_hints(body) | unread.hints,
        required=unread.required,
    )


def _messages(body: Json, unread: Unread) -> tuple[Message, ...]:
    found: list[Message] = []
    system = body.get("system")
    if system is not None:
        found.append(Message(Role.SYSTEM, _system(system, unread)))
    for index, value in enumerate(a_list(body.get("messages"), "messages")):
        path = f"messages[{index}]"
        message = an_object(value, path)
        role = message.get("role")
        if role not in ("user", "assistant", "system"):
            refuse(f"{path}.role", "must be user or assistant")
        unread.note(message, _MESSAGE, "messages")
        try:
            found.append(Message(Role(role), message_parts(message.get("content"), f"{path}.content", role, unread)))
        except UnknownBlockError as error:
            unread.required["messages"] = f"{path}.content has a block of type {error}"
    return tuple(found)


def _system(system: Any, unread: Unread) -> tuple[Text, ...]:
    try:
        parts = parts_of(system, "system", unread)
    except UnknownBlockError:
        parts = ()
    texts = tuple(part for part in parts if isinstance(part, Text))
    return (
        texts if len(texts) == len(parts) and (texts or system == []) else refuse("system", "may have only text blocks")
    )


def _tools(body: Json, unread: Unread) -> tuple[Tool, ...]:
    found: list[Tool] = []
    for index, value in enumerate(optional_list(body, "tools")):
        path = f"tools[{index}]."
        tool = an_object(value, f"tools[{index}]")
        if tool.get("type") not in (None, "custom"):
            unread.required["tools"] = f"a tool of type {tool['type']}"
            continue
        unread.note(tool, _TOOL, "tools")
        if tool.get("allowed_callers") not in (None, ["direct"]):
            unread.hints["tools.allowed_callers"] = tool["allowed_callers"]
        found.append(
            Tool(
                text(tool, "name", path),
                optional_text(tool, "description", path) or "",
                optional_object(tool, "input_schema", path),
                optional_bool(tool, "strict", path),
                optional_object(tool, "cache_control", path),
            )
        )
    return tuple(found)


def _tool_choice(choice: Json) -> ToolChoice:
    kind = choice.get("type")
    mode = _MODES.get(kind) if isinstance(kind, str) else None
    if mode is None:
        refuse("tool_choice.type", "must be auto, any, none or tool")
    return ToolChoice(mode, (text(choice, "name", "tool_choice."),) if mode is ToolMode.NAMED else ())


def _response_format(body: Json, unread: Unread) -> ResponseFormat | None:
    config = optional_object(body, "output_config") or {}
    for holder, name, path in ((config, "format", "output_config."), (body, "output_format", "")):
        form = optional_object(holder, name, path)
        if form is not None:
            if form.get("type") != "json_schema":
                refuse(f"{path}{name}.type", "must be json_schema")
            unread.note(form, _FORMAT, f"{path}{name}")
            return ResponseFormat(an_object(form.get("schema"), f"{path}{name}.schema"), strict=True)
    return None


def _reasoning(body: Json) -> ReasoningConfig | None:
    config, thinking = optional_object(body, "output_config") or {}, optional_object(body, "thinking")
    effort = optional_text(config, "effort", "output_config.")
    if thinking is None:
        return None if effort is None else ReasoningConfig(effort=effort)
    display = thinking.get("display")
    shows = None if display is None else display != "omitted"
    match thinking.get("type"):
        case "enabled":
            return ReasoningConfig(True, effort, optional_int(thinking, "budget_tokens", "thinking."), shows)  # noqa: FBT003
        case "adaptive":
            return ReasoningConfig(True, effort, -1, shows)  # noqa: FBT003 - in the order of its fields
        case "disabled":
            return ReasoningConfig(False)  # noqa: FBT003
    return refuse("thinking.type", "must be enabled, adaptive or disabled")


def _hints(body: Json) -> Json:
    """Collect hints and unknown fields, under OpenAI's names where OpenAI has one."""
    hints = {name: value for name, value in body.items() if name not in _NOT_HINTS and value is not None}
    metadata = optional_object(body, "metadata") or {}
    hints |= {f"metadata.{name}": value for name, value in metadata.items() if name not in _METADATA}
    if metadata.get("user_id") is not None:
        hints["user"] = metadata["user_id"]
    tier = optional_text(body, "service_tier")
    if tier is not None:
        hints["service_tier"] = _SERVICE_TIERS.get(tier, tier)
    return hints
