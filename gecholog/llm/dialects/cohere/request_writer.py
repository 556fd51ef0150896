"""Writes requests for Cohere's chat from the neutral form."""

from __future__ import annotations

from typing import Any

from gecholog.llm.chat import ChatRequest, Tool, ToolMode
from gecholog.llm.chat_dialect import Target, WrittenRequest
from gecholog.llm.checked import Json
from gecholog.llm.dialects.cohere.message_writer import messages_of, takes_thought
from gecholog.llm.errors import refuse_required, refuse_several
from gecholog.llm.nested_hints import DETAIL, EFFORT, STRICT, SUMMARY, lost_hints, lost_without_switch

_LARGEST_K = 500
_SMALLEST_P, _LARGEST_P = 0.01, 0.99
_PENALTIES = frozenset({"presence_penalty", "frequency_penalty"})  # from 0 to 1
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192}  # tokens; other efforts have no limit
# Models that do not think, and refuse the field for it.
_WITHOUT_THINKING = ("command-r", "command-a-03", "command-a-vision", "command-a-translate", "command-light", "c4ai-")


def write_request(request: ChatRequest, target: Target) -> WrittenRequest:
    """The body of a request to `/v2/chat`, and the hints that are left out. Raises UnsupportedParameterError."""
    if request.required:
        refuse_required(request.required)
    refuse_several(request.n, "Cohere")
    dropped = lost_hints(request, DETAIL, STRICT, takes_thought=takes_thought)
    body: Json = {"model": target.model, "messages": messages_of(request.messages), "stream": request.is_streamed}
    body |= _sampling(request)
    dropped += _add_hints(body, request)
    dropped += _add_tools(body, request)
    if (wanted := request.response_format) is not None:
        body["response_format"] = {"type": "json_object"} | ({"json_schema": wanted.schema} if wanted.schema else {})
    dropped += _add_thinking(body, request, target)
    return WrittenRequest(body, tuple(dropped))


def _sampling(request: ChatRequest) -> Json:
    """The limits and the sampling, within Cohere's ranges."""
    named = {
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "p": None if request.top_p is None else min(max(request.top_p, _SMALLEST_P), _LARGEST_P),
        "k": None if request.top_k is None else min(max(request.top_k, 0), _LARGEST_K),
        "stop_sequences": list(request.stop) or None,
    }
    return {name: value for name, value in named.items() if value is not None}


def _add_hints(body: Json, request: ChatRequest) -> list[str]:
    dropped: list[str] = []
    for name, value in request.hints.items():
        if name == "seed":
            body[name] = value
        elif name in _PENALTIES and _is_number(value) and value >= 0:
            body[name] = min(value, 1)
        else:
            dropped.append(name)
    return dropped


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _add_tools(body: Json, request: ChatRequest) -> list[str]:
    """Offer the tools. To force one tool, only that one is offered, and some tool is to be called."""
    choice, tools = request.tool_choice, request.tools
    if choice is not None and choice.names:
        tools = tuple(tool for tool in tools if tool.name in choice.names)
    if not tools:
        return []
    body["tools"] = [_tool(tool) for tool in tools]
    if choice is not None and choice.mode is not ToolMode.AUTO:
        body["tool_choice"] = "NONE" if choice.mode is ToolMode.NONE else "REQUIRED"
    dropped = ["parallel_tool_calls"] if request.parallel_tool_calls is False else []
    strict = [tool.strict for tool in tools]
    if all(strict):
        body["strict_tools"] = True  # for all of them, or for none
    elif any(strict):
        dropped.append(STRICT)
    return dropped


def _tool(tool: Tool) -> Json:
    function: Json = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = tool.parameters or {"type": "object", "properties": {}}
    return {"type": "function", "function": function}


def _add_thinking(body: Json, request: ChatRequest, target: Target) -> list[str]:
    wanted = request.reasoning
    if wanted is None or wanted.is_on is None:
        return lost_without_switch(wanted)
    if target.model.lower().startswith(_WITHOUT_THINKING):
        return [EFFORT] if wanted.is_on else []
    if not wanted.is_on:
        body["thinking"] = {"type": "disabled"}
        return []
    budget = wanted.budget if wanted.budget is not None else _BUDGETS.get(wanted.effort or "")
    limit = {"token_budget": budget} if budget is not None and budget > 0 else {}
    body["thinking"] = {"type": "enabled"} | limit
    return [SUMMARY] if wanted.shows_text is False else []
