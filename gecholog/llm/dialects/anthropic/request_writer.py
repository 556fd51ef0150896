"""Writes requests for Anthropic messages from the neutral form."""

from __future__ import annotations

from typing import Any

from gecholog.llm.chat import ChatRequest, Tool, ToolCall, ToolMode
from gecholog.llm.chat_dialect import Target, WrittenRequest
from gecholog.llm.checked import Json
from gecholog.llm.dialects import claude_thinking
from gecholog.llm.dialects.anthropic.message_writer import messages_of, system_of, takes_thought
from gecholog.llm.dialects.claude_models import output_limit
from gecholog.llm.errors import UnsupportedParameterError, refuse_required, refuse_several
from gecholog.llm.nested_hints import CACHE_CONTROL, CITATIONS, FILENAME, STRICT, lost_hints

_CHOICES = {ToolMode.AUTO: "auto", ToolMode.NONE: "none", ToolMode.REQUIRED: "any"}
_SERVICE_TIERS = {"auto": "auto", "default": "standard_only", "standard_only": "standard_only"}
_NESTED = (CACHE_CONTROL, CITATIONS, FILENAME, STRICT)
_OF_ANTHROPIC = frozenset({"cache_control", "context_management"})  # hints that go there as they are


def write_request(request: ChatRequest, target: Target, *, may_begin_within_turn: bool = True) -> WrittenRequest:
    """The body of a request to `/v1/messages`, and the hints that are left out. Raises UnsupportedParameterError.

    `may_begin_within_turn` tells of thinking (see `claude_thinking.plan`).
    """
    _refuse_unknown(request)
    body: Json = {"model": target.model, "max_tokens": _limit(request, target)}
    if system := system_of(request.messages):
        body["system"] = system
    body["messages"] = messages_of(request.messages)
    if request.is_streamed:
        body["stream"] = True
    _add_sampling(body, request)
    dropped = lost_hints(request, *_NESTED, takes_thought=takes_thought) + _add_hints(body, request)
    _add_tools(body, request)
    _add_format(body, request)
    wanted = claude_thinking.plan(
        request, target.model, body["max_tokens"], may_begin_within_turn=may_begin_within_turn
    )
    _add_thinking(body, wanted)
    return WrittenRequest(body, (*dropped, *wanted.dropped))


def _limit(request: ChatRequest, target: Target) -> int:
    """The limit that the API requires. 0 fills the prompt cache and answers nothing."""
    if request.max_tokens is not None:
        return request.max_tokens
    return target.max_output_tokens or output_limit(target.model)


def _refuse_unknown(request: ChatRequest) -> None:
    if request.required:
        refuse_required(request.required)
    refuse_several(request.n, "Anthropic")
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


def _add_thinking(body: Json, wanted: claude_thinking.Plan) -> None:
    """Ask for thinking, and leave out what cannot be beside it."""
    body["max_tokens"] = wanted.max_tokens
    if wanted.effort is not None:
        body["output_config"] = body.get("output_config", {}) | {"effort": wanted.effort}
    if wanted.thinking is not None:
        body["thinking"] = wanted.thinking
        for name in ("temperature", "top_k", *wanted.dropped):
            body.pop(name, None)
