"""Reads requests for OpenAI responses (https://platform.openai.com/docs/api-reference/responses/create)."""

from __future__ import annotations

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
    an_object,
    optional_bool,
    optional_int,
    optional_list,
    optional_number,
    optional_object,
    optional_text,
    refuse,
    text,
)
from gecholog.llm.dialects.openai_responses.item_reader import ItemReader
from gecholog.llm.unread import Unread

_MODES = {"auto": ToolMode.AUTO, "none": ToolMode.NONE, "required": ToolMode.REQUIRED}
# Fields that have a place in the neutral form, or that say nothing about the answer.
_READ = frozenset(
    {
        "model",
        "input",
        "instructions",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "text",
        "reasoning",
        "max_output_tokens",
        "temperature",
        "top_p",
        "stream",
        "stream_options",
        "include",
        "store",
    }
)
# What a gateway that keeps nothing cannot do, and what has no place elsewhere.
_REQUIRED = frozenset({"previous_response_id", "conversation", "prompt", "background", "top_logprobs"})
_NOT_HINTS = _READ | _REQUIRED
_LOGPROBS = "message.output_text.logprobs"
_ENCRYPTED = "reasoning.encrypted_content"  # which always comes, for nothing is stored
# The members of objects in a request that are read; others are hints.
_MEMBERS = {
    "text": frozenset({"format", "verbosity"}),
    "reasoning": frozenset({"effort", "summary", "generate_summary"}),
    "tool_choice": frozenset({"type", "name", "tools", "mode"}),
}
_TOOL = frozenset({"type", "name", "description", "parameters", "strict"})
_FORMAT = frozenset({"type", "schema", "name", "description", "strict"})


def read_request(body: Json) -> ChatRequest:
    """The request in its neutral form. Raises InvalidRequestError."""
    unread = Unread()
    reader = ItemReader(unread)
    given = reader.read(body.get("input", []))
    instructions = optional_text(body, "instructions")
    system = () if instructions is None else (Message(Role.SYSTEM, (Text(instructions),)),)
    required = unread.required
    required |= _required(body)
    if reader.foreign:
        required["input"] = reader.foreign[0]
    tools = _tools(body, unread)
    choice, tools = _tool_choice(body, tools, required)
    return ChatRequest(
        model=text(body, "model", ""),
        messages=(*system, *given),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=optional_bool(body, "parallel_tool_calls"),
        response_format=_response_format(body, unread),
        reasoning=_reasoning(body),
        max_tokens=optional_int(body, "max_output_tokens"),
        temperature=optional_number(body, "temperature"),
        top_p=optional_number(body, "top_p"),
        is_streamed=bool(optional_bool(body, "stream")),
        wants_usage=True,
        hints=_hints(body, unread),
        required=required,
    )


def _required(body: Json) -> Json:
    found = {name: body[name] for name in _REQUIRED & body.keys() if body[name]}
    if optional_bool(body, "store"):
        found["store"] = True
    if _LOGPROBS in optional_list(body, "include"):
        found["include"] = _LOGPROBS
    return found


def _hints(body: Json, unread: Unread) -> Json:
    for name, members in _MEMBERS.items():
        found = body.get(name)
        if isinstance(found, dict):
            unread.note(found, members, name)
    hints = {name: value for name, value in body.items() if name not in _NOT_HINTS and value is not None}
    if included := [each for each in optional_list(body, "include") if each not in (_LOGPROBS, _ENCRYPTED)]:
        hints["include"] = included
    stream_options = optional_object(body, "stream_options") or {}
    if stream_options.get("include_obfuscation"):
        hints["stream_options.include_obfuscation"] = True
    verbosity = (optional_object(body, "text") or {}).get("verbosity")
    return hints | unread.hints | ({} if verbosity is None else {"verbosity": verbosity})


def _tools(body: Json, unread: Unread) -> tuple[Tool, ...]:
    found: list[Tool] = []
    for index, value in enumerate(optional_list(body, "tools")):
        path = f"tools[{index}]."
        tool = an_object(value, f"tools[{index}]")
        if text(tool, "type", path) != "function":
            unread.required["tools"] = f"a tool of type {tool['type']}"
            continue
        unread.note(tool, _TOOL, "tools")
        description = optional_text(tool, "description", path) or ""
        parameters, strict = optional_object(tool, "parameters", path), optional_bool(tool, "strict", path)
        found.append(Tool(text(tool, "name", path), description, parameters, strict))
    return tuple(found)


def _tool_choice(body: Json, tools: tuple[Tool, ...], required: Json) -> tuple[ToolChoice | None, tuple[Tool, ...]]:
    """The choice, and the tools that it leaves."""
    choice = body.get("tool_choice")
    if choice is None:
        return None, tools
    if isinstance(choice, str):
        if choice not in _MODES:
            refuse("tool_choice", "must be none, auto, required, or an object")
        return ToolChoice(_MODES[choice]), tools
    chosen = an_object(choice, "tool_choice")
    match chosen.get("type"):
        case "function":
            return ToolChoice(ToolMode.NAMED, (text(chosen, "name", "tool_choice."),)), tools
        case "allowed_tools":
            return _allowed(chosen, tools, required)
    required["tool_choice"] = choice
    return None, tools


def _allowed(chosen: Json, tools: tuple[Tool, ...], required: Json) -> tuple[ToolChoice | None, tuple[Tool, ...]]:
    path = "tool_choice.tools"
    listed = [
        an_object(item, f"{path}[{at}]") for at, item in enumerate(optional_list(chosen, "tools", "tool_choice."))
    ]
    if any(item.get("type") != "function" for item in listed):
        required["tool_choice"] = chosen
        return None, tools
    names = tuple(text(item, "name", f"{path}[{index}].") for index, item in enumerate(listed))
    if chosen.get("mode") == "required":
        return ToolChoice(ToolMode.REQUIRED, names), tools
    if chosen.get("mode") == "none":
        return ToolChoice(ToolMode.NONE), tools
    return ToolChoice(ToolMode.AUTO), tuple(tool for tool in tools if tool.name in names)


def _response_format(body: Json, unread: Unread) -> ResponseFormat | None:
    form = optional_object(optional_object(body, "text") or {}, "format", "text.")
    kind = None if form is None else form.get("type")
    if form is None or kind == "text":
        return None
    if kind == "json_object":
        return ResponseFormat()
    if kind != "json_schema":
        unread.required["text.format"] = form
        return None
    unread.note(form, _FORMAT, "text.format")
    path = "text.format."
    return ResponseFormat(
        an_object(form.get("schema"), "text.format.schema"),
        optional_text(form, "name", path) or "",
        optional_text(form, "description", path) or "",
        optional_bool(form, "strict", path),
    )


def _reasoning(body: Json) -> ReasoningConfig | None:
    wanted = optional_object(body, "reasoning")
    if wanted is None:
        return None
    effort = optional_text(wanted, "effort", "reasoning.")
    summary = optional_text(wanted, "summary", "reasoning.") or optional_text(wanted, "generate_summary", "reasoning.")
    if effort == "none":
        return ReasoningConfig(is_on=False)
    return ReasoningConfig(effort is not None or None, effort, shows_text=True if summary else None)
