"""Writes requests for Bedrock's Converse and ConverseStream from the neutral form.

The model and whether it is streamed are in the path, not in the body.
"""

from __future__ import annotations

from gecholog.llm.chat import ChatRequest, Tool, ToolCall, ToolChoice, ToolMode
from gecholog.llm.chat_dialect import Target, WrittenRequest
from gecholog.llm.checked import Json
from gecholog.llm.dialects import claude_thinking
from gecholog.llm.dialects.bedrock_converse.message_writer import MessageWriter, cache_point, takes_thought
from gecholog.llm.errors import UnsupportedParameterError, refuse_required, refuse_several
from gecholog.llm.nested_hints import CACHE_CONTROL, CITATIONS, EFFORT, FILENAME, STRICT, lost_hints

_SERVICE_TIERS = frozenset({"default", "flex", "priority", "reserved"})


def write_request(request: ChatRequest, target: Target) -> WrittenRequest:
    """The body of a request, and the hints that are left out. Raises UnsupportedParameterError."""
    _refuse_unknown(request)
    model = target.model.lower()
    is_claude = "claude" in model
    takes_cache_points = is_claude or "nova" in model
    nested = [STRICT, FILENAME, CITATIONS, *([CACHE_CONTROL] if takes_cache_points else [])]
    dropped = lost_hints(request, *nested, takes_thought=takes_thought)
    writer = MessageWriter(target, takes_cache_points=takes_cache_points)
    body: Json = {"messages": writer.messages(request.messages)}
    if system := writer.system(request.messages):
        body["system"] = system
    limits = _limits(request)
    more: Json = {}
    if is_claude:
        dropped += _add_claudes_own(limits, more, request, target)
    else:
        dropped += [] if request.top_k is None else ["top_k"]
        dropped += [EFFORT] if _asks_for_reasoning(request) else []
    dropped += _add_hints(body, request)
    if (tools := _tool_config(request, takes_cache_points=takes_cache_points)) is not None:
        body["toolConfig"] = tools
        dropped += ["parallel_tool_calls"] if request.parallel_tool_calls is False else []
    if limits:
        body["inferenceConfig"] = limits
    if more:
        body["additionalModelRequestFields"] = more
    return WrittenRequest(body, tuple(dropped))


def _refuse_unknown(request: ChatRequest) -> None:
    if request.required:
        refuse_required(request.required)
    refuse_several(request.n, "Bedrock")
    if request.response_format is not None:
        raise UnsupportedParameterError("response_format", "response_format is not supported by Bedrock Converse")


def _asks_for_reasoning(request: ChatRequest) -> bool:
    wanted = request.reasoning
    return wanted is not None and bool(wanted.is_on or wanted.effort or wanted.shows_text)


def _limits(request: ChatRequest) -> Json:
    named = {
        "maxTokens": request.max_tokens,
        "temperature": request.temperature,
        "topP": request.top_p,
        "stopSequences": list(request.stop) or None,
    }
    return {name: value for name, value in named.items() if value is not None}


def _add_claudes_own(limits: Json, more: Json, request: ChatRequest, target: Target) -> list[str]:
    """What Claude's models have beside the fields of all: thinking, an effort, and `top_k`."""
    if "temperature" in limits:
        limits["temperature"] = min(limits["temperature"], 1)
    wanted = claude_thinking.plan(request, target.model, request.max_tokens, may_begin_within_turn=False)
    if wanted.max_tokens is not None:
        limits["maxTokens"] = wanted.max_tokens
    if wanted.effort is not None:
        more["output_config"] = {"effort": wanted.effort}
    if wanted.thinking is not None:
        more["thinking"] = wanted.thinking
        limits.pop("temperature", None)
        if "top_p" in wanted.dropped:
            limits.pop("topP", None)
    elif request.top_k is not None:
        more["top_k"] = request.top_k
    return list(wanted.dropped)


def _add_hints(body: Json, request: ChatRequest) -> list[str]:
    dropped: list[str] = []
    for name, value in request.hints.items():
        if name == "service_tier" and isinstance(value, str) and value in _SERVICE_TIERS:
            body["serviceTier"] = {"type": value}
        elif name == "metadata" and isinstance(value, dict) and all(isinstance(one, str) for one in value.values()):
            body["requestMetadata"] = value
        else:
            dropped.append(name)
    return dropped


def _tool_config(request: ChatRequest, *, takes_cache_points: bool) -> Json | None:
    """The tools. The API takes calls in a conversation only together with tools: those that were called, if need be."""
    choice, tools = request.tool_choice, request.tools
    if choice is not None and choice.names and choice.mode is not ToolMode.NAMED:
        tools = tuple(tool for tool in tools if tool.name in choice.names)
    names = {part.name: None for message in request.messages for part in message.parts if isinstance(part, ToolCall)}
    if not names and choice is not None and choice.mode is ToolMode.NONE:
        return None
    tools = tools or tuple(Tool(name) for name in names)
    if not tools:
        return None
    written = [spec for tool in tools for spec in _tool(tool, takes_cache_points=takes_cache_points)]
    return {"tools": written} | ({} if choice is None else _tool_choice(choice))


def _tool_choice(choice: ToolChoice) -> Json:
    match choice.mode:
        case ToolMode.AUTO:
            return {"toolChoice": {"auto": {}}}
        case ToolMode.REQUIRED:
            return {"toolChoice": {"any": {}}}
        case ToolMode.NAMED:
            return {"toolChoice": {"tool": {"name": choice.names[0]}}}
    return {}  # none: the API has no word for it


def _tool(tool: Tool, *, takes_cache_points: bool) -> list[Json]:
    schema = {"type": "object"} | tool.parameters if tool.parameters else {"type": "object", "properties": {}}
    spec: Json = {"name": tool.name, "inputSchema": {"json": schema}}
    if tool.description:
        spec["description"] = tool.description
    if tool.strict is not None:
        spec["strict"] = tool.strict
    if tool.cache_control is not None and takes_cache_points:
        return [{"toolSpec": spec}, cache_point(tool.cache_control)]
    return [{"toolSpec": spec}]
