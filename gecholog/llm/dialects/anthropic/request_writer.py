"""Writes requests for Anthropic messages from the neutral form."""

from __future__ import annotations

from typing import Any

from gecholog.llm.chat import ChatRequest, Reasoning, ReasoningConfig, Role, Tool, ToolCall, ToolMode
from gecholog.llm.chat_dialect import Target, WrittenRequest
from gecholog.llm.checked import Json
from gecholog.llm.dialects.anthropic.blocks import NAME
from gecholog.llm.dialects.anthropic.message_writer import messages_of, system_of
from gecholog.llm.dialects.anthropic.thinking import (
    LEAST_BUDGET,
    Thinking,
    budget_of,
    effort_of,
    output_limit,
    thinking_of,
)
from gecholog.llm.errors import UnsupportedParameterError

_CHOICES = {ToolMode.AUTO: "auto", ToolMode.NONE: "none", ToolMode.REQUIRED: "any"}
_SERVICE_TIERS = {"auto": "auto", "default": "standard_only", "standard_only": "standard_only"}
_OF_ANTHROPIC = frozenset({"cache_control", "context_management"})  # hints that go there as they are
_LEAST_TOP_P = 0.95  # with thinking
_THINKING_IS_DROPPED = "reasoning_effort"


def write_request(request: ChatRequest, target: Target) -> WrittenRequest:
    """The body of a request to `/v1/messages`, and the hints that are left out. Raises UnsupportedParameterError."""
    _refuse_unknown(request)
    body: Json = {"model": target.model, "max_tokens": request.max_tokens or _limit(target)}
    if system := system_of(request.messages):
        body["system"] = system
    body["messages"] = messages_of(request.messages)
    if request.is_streamed:
        body["stream"] = True
    _add_sampling(body, request)
    dropped = _add_hints(body, request)
    _add_tools(body, request)
    _add_format(body, request)
    dropped += _add_thinking(body, request, target)
    return WrittenRequest(body, tuple(dropped))


def _limit(target: Target) -> int:
    return target.max_output_tokens or output_limit(target.model)


def _refuse_unknown(request: ChatRequest) -> None:
    if request.required:
        raise UnsupportedParameterError(next(iter(request.required)))
    if request.n is not None and request.n > 1:
        raise UnsupportedParameterError("n", "n must be 1: Anthropic gives one answer to a request")
    form = request.response_format
    if form is not None and form.schema is None:
        message = "response_format json_object is not supported by Anthropic: use json_schema with a schema"
        raise UnsupportedParameterError("response_format", message)


def _add_sampling(body: Json, request: ChatRequest) -> None:
    if request.temperature is not None:
        body["temperature"] = min(request.temperature, 1)
    if request.top_p is not None:
        body["top_p"] = request.top_p
    if request.top_k is not None:
        body["top_k"] = request.top_k
    if request.stop:
        body["stop_sequences"] = list(request.stop)


def _add_hints(body: Json, request: ChatRequest) -> list[str]:
    dropped: list[str] = []
    for name, value in request.hints.items():
        if name == "user" and isinstance(value, str):
            body["metadata"] = {"user_id": value}
        elif name == "service_tier" and isinstance(value, str) and value in _SERVICE_TIERS:
            body["service_tier"] = _SERVICE_TIERS[value]
        elif name in _OF_ANTHROPIC:
            body[name] = value
        else:
            dropped.append(name)
    return dropped


# ------------------------------------------------------------------ tools and format


def _add_tools(body: Json, request: ChatRequest) -> None:
    choice = request.tool_choice
    tools = request.tools
    if choice is not None and choice.names and choice.mode is not ToolMode.NAMED:
        tools = tuple(tool for tool in tools if tool.name in choice.names)
    if not tools:
        _add_tools_of_history(body, request)
        return
    body["tools"] = [_tool(tool) for tool in tools]
    written: Json = {}
    if choice is not None and choice.mode is ToolMode.NAMED:
        written = {"type": "tool", "name": choice.names[0]}
    elif choice is not None:
        written = {"type": _CHOICES[choice.mode]}
    if request.parallel_tool_calls is not None and written.get("type") != "none":
        written = {"type": "auto"} | written | {"disable_parallel_tool_use": not request.parallel_tool_calls}
    if written:
        body["tool_choice"] = written


def _add_tools_of_history(body: Json, request: ChatRequest) -> None:
    """The API takes calls in a conversation only together with tools: name those that were called, to be left alone."""
    names = {part.name: None for message in request.messages for part in message.parts if isinstance(part, ToolCall)}
    if names:
        body["tools"] = [_tool(Tool(name)) for name in names]
        body["tool_choice"] = {"type": "none"}


def _tool(tool: Tool) -> Json:
    written: Json = {"name": tool.name, "input_schema": _tool_schema(tool.parameters)}
    if tool.description:
        written["description"] = tool.description
    if tool.strict is not None:
        written["strict"] = tool.strict
    if tool.cache_control is not None:
        written["cache_control"] = tool.cache_control
    return written


def _tool_schema(schema: Json | None) -> Json:
    """The schema of a tool's input; the API wants its type to be `object`."""
    return {"type": "object"} | schema if schema else {"type": "object", "properties": {}}


def _add_format(body: Json, request: ChatRequest) -> None:
    form = request.response_format
    if form is not None and form.schema is not None:
        body["output_config"] = {"format": {"type": "json_schema", "schema": _closed(form.schema)}}


def _closed(schema: Any) -> Any:
    """A schema whose objects have no other members than those that they name, as the API asks for."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: item if name in ("enum", "const", "default") else _closed(item) for name, item in schema.items()}
    if schema.get("type") == "object" and "additionalProperties" not in schema:
        closed["additionalProperties"] = False
    return closed


# ------------------------------------------------------------------ thinking


def _add_thinking(body: Json, request: ChatRequest, target: Target) -> list[str]:
    """Ask for thinking. Returns what is left out: itself where it cannot be, or what cannot be beside it."""
    wanted = request.reasoning
    if wanted is None or wanted.is_on is False:
        return []
    if wanted.is_on is None:
        return _add_effort_alone(body, wanted, target)
    kind = thinking_of(target.model)
    if kind is Thinking.NONE or body.get("tool_choice", {}).get("type") in ("any", "tool"):
        return [_THINKING_IS_DROPPED]
    if kind is Thinking.ADAPTIVE:
        body["thinking"] = {"type": "adaptive"}
        if effort := effort_of(wanted.effort, wanted.budget):
            body["output_config"] = body.get("output_config", {}) | {"effort": effort}
    elif _continues_without_thoughts(request):
        return [_THINKING_IS_DROPPED]
    else:
        _add_budget(body, request, wanted)
    return _without_sampling(body)


def _add_effort_alone(body: Json, wanted: ReasoningConfig, target: Target) -> list[str]:
    """An effort without thinking is of Anthropic's own clients, whose newer models have it."""
    if wanted.effort is None or thinking_of(target.model) is not Thinking.ADAPTIVE:
        return [] if wanted.effort is None else [_THINKING_IS_DROPPED]
    body["output_config"] = body.get("output_config", {}) | {"effort": wanted.effort}
    return []


def _add_budget(body: Json, request: ChatRequest, wanted: ReasoningConfig) -> None:
    """A budget has to be smaller than the limit of tokens: at most half of it, or the limit grows by the least one."""
    budget = budget_of(wanted.effort, wanted.budget)
    limit: int = body["max_tokens"]
    if budget >= limit:
        budget = max(LEAST_BUDGET, limit // 2)
        if budget >= limit or (request.max_tokens is not None and limit < 2 * LEAST_BUDGET):
            body["max_tokens"] = limit + budget
    body["thinking"] = {"type": "enabled", "budget_tokens": budget}


def _continues_without_thoughts(request: ChatRequest) -> bool:
    """Whether the conversation ends within a turn of the model that called tools, and its thoughts are not there.

    The API refuses to think on then.
    """
    for message in reversed(request.messages):
        if message.role is Role.ASSISTANT:
            calls = any(isinstance(part, ToolCall) for part in message.parts)
            return calls and not any(isinstance(part, Reasoning) and part.origin == NAME for part in message.parts)
    return False


def _without_sampling(body: Json) -> list[str]:
    """Leave out what the API does not take beside thinking."""
    dropped: list[str] = [name for name in ("temperature", "top_k") if body.get(name, 1) != 1]
    if body.get("top_p", 1) < _LEAST_TOP_P:
        dropped.append("top_p")
    for name in (*dropped, "temperature", "top_k"):
        body.pop(name, None)
    return dropped
