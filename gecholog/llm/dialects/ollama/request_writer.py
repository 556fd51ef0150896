"""Writes requests for Ollama's chat from the neutral form."""

from __future__ import annotations

from gecholog.llm.chat import ChatRequest, Tool, ToolMode
from gecholog.llm.chat_dialect import Target, WrittenRequest
from gecholog.llm.checked import Json
from gecholog.llm.dialects.ollama.message_writer import messages_of, takes_thought
from gecholog.llm.errors import UnsupportedParameterError, refuse_required, refuse_several
from gecholog.llm.nested_hints import SUMMARY, lost_hints, lost_without_switch

_HINTS = frozenset({"seed", "presence_penalty", "frequency_penalty"})
_FORCED = frozenset({ToolMode.REQUIRED, ToolMode.NAMED})
_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
_WITH_EFFORT = "gpt-oss"  # the models that take a word; others take true and false


def write_request(request: ChatRequest, target: Target) -> WrittenRequest:
    """The body of a request to `/api/chat`, and the hints that are left out. Raises UnsupportedParameterError."""
    _refuse_unknown(request)
    dropped = lost_hints(request, takes_thought=takes_thought)
    body: Json = {
        "model": target.model,
        "messages": messages_of(request.messages, target),
        "stream": request.is_streamed,  # it streams unless it is told not to
    }
    options = _options(request)
    dropped += [name for name in request.hints if name not in _HINTS]
    dropped += _add_tools(body, request)
    if request.response_format is not None:
        body["format"] = request.response_format.schema or "json"
    dropped += _add_thinking(body, request, target)
    if options:
        body["options"] = options
    return WrittenRequest(body, tuple(dropped))


def _refuse_unknown(request: ChatRequest) -> None:
    if request.required:
        refuse_required(request.required)
    refuse_several(request.n, "Ollama")
    choice = request.tool_choice
    if request.tools and choice is not None and choice.mode in _FORCED:
        raise UnsupportedParameterError("tool_choice", "tool_choice: Ollama cannot be made to call a tool")


def _options(request: ChatRequest) -> Json:
    named = {
        "num_predict": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "top_k": request.top_k,
        "stop": list(request.stop) or None,
    }
    named |= {name: request.hints[name] for name in _HINTS if name in request.hints}
    return {name: value for name, value in named.items() if value is not None}


def _add_tools(body: Json, request: ChatRequest) -> list[str]:
    """Offer the tools. None are offered if none may be called: there is no other way to say so."""
    choice, tools = request.tool_choice, request.tools
    if choice is not None and choice.names:
        tools = tuple(tool for tool in tools if tool.name in choice.names)
    if not tools or (choice is not None and choice.mode is ToolMode.NONE):
        return []
    body["tools"] = [_tool(tool) for tool in tools]
    return ["parallel_tool_calls"] if request.parallel_tool_calls is False else []


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
    has_word = _WITH_EFFORT in target.model.lower()
    body["think"] = _EFFORTS.get(wanted.effort or "", "medium") if has_word and wanted.is_on else wanted.is_on
    return [SUMMARY] if wanted.is_on and wanted.shows_text is False else []
