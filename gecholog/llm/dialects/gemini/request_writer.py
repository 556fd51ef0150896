"""Writes requests for Gemini's generateContent and streamGenerateContent from the neutral form.

The model and whether it is streamed are in the path, not in the body.
"""

from __future__ import annotations

from typing import Any

from gecholog.llm.chat import ChatRequest, Tool, ToolMode
from gecholog.llm.chat_dialect import Target, WrittenRequest
from gecholog.llm.checked import Json
from gecholog.llm.dialects.gemini.content_writer import contents_of, system_of, takes_thought
from gecholog.llm.dialects.gemini.names import Thinking, budget_of, can_stop_thinking, level_of, thinking_of
from gecholog.llm.errors import UnsupportedParameterError
from gecholog.llm.nested_hints import EFFORT, lost_hints, lost_without_switch

_MODES = {ToolMode.AUTO: "AUTO", ToolMode.NONE: "NONE", ToolMode.REQUIRED: "ANY", ToolMode.NAMED: "ANY"}
_HINTS = {"seed": "seed", "presence_penalty": "presencePenalty", "frequency_penalty": "frequencyPenalty"}
_MODALITIES = {"text": "TEXT", "image": "IMAGE"}


def write_request(request: ChatRequest, target: Target) -> WrittenRequest:
    """The body of a request, and the hints that are left out. Raises UnsupportedParameterError."""
    dropped = lost_hints(request, takes_thought=takes_thought)
    body: Json = {"contents": contents_of(request.messages, target)}
    if (system := system_of(request.messages)) is not None:
        body["systemInstruction"] = system
    config = _sampling(request)
    _add_required(config, request)
    dropped += _add_hints(config, request)
    _add_format(config, request)
    dropped += _add_thinking(config, request, target)
    dropped += _add_tools(body, request)
    if config:
        body["generationConfig"] = config
    return WrittenRequest(body, tuple(dropped))


def _sampling(request: ChatRequest) -> Json:
    named = {
        "maxOutputTokens": request.max_tokens,
        "temperature": request.temperature,
        "topP": request.top_p,
        "topK": request.top_k,
        "stopSequences": list(request.stop) or None,
        "candidateCount": request.n if request.n != 1 else None,
    }
    return {name: value for name, value in named.items() if value is not None}


def _add_required(config: Json, request: ChatRequest) -> None:
    for name, value in request.required.items():
        if name != "modalities":
            raise UnsupportedParameterError(name)
        config["responseModalities"] = _modalities(value)


def _modalities(value: Any) -> list[str]:
    names = value if isinstance(value, list) else []
    if not names or not all(isinstance(name, str) and name in _MODALITIES for name in names):
        raise UnsupportedParameterError("modalities", "modalities may be text and image for Gemini")
    return [_MODALITIES[name] for name in names]


def _add_hints(config: Json, request: ChatRequest) -> list[str]:
    dropped: list[str] = []
    for name, value in request.hints.items():
        if name in _HINTS and isinstance(value, int | float):
            config[_HINTS[name]] = value
        else:
            dropped.append(name)
    return dropped


def _add_format(config: Json, request: ChatRequest) -> None:
    form = request.response_format
    if form is None:
        return
    config["responseMimeType"] = "application/json"
    if form.schema is not None:
        config["responseJsonSchema"] = form.schema


def _add_thinking(config: Json, request: ChatRequest, target: Target) -> list[str]:
    """Say how to think. Returns what is left out: that, for a model that does not think."""
    wanted = request.reasoning
    if wanted is None or wanted.is_on is None:
        return lost_without_switch(wanted)
    kind = thinking_of(target.model)
    if kind is Thinking.NONE:
        return [EFFORT] if wanted.is_on else []
    if not wanted.is_on:
        if kind is Thinking.LEVEL:
            config["thinkingConfig"] = {"thinkingLevel": level_of("minimal", None, target.model)}
        elif can_stop_thinking(target.model):
            config["thinkingConfig"] = {"thinkingBudget": 0}
        else:
            return [EFFORT]
        return []
    thinking: Json = {"includeThoughts": wanted.shows_text is not False}
    if kind is Thinking.LEVEL:
        thinking["thinkingLevel"] = level_of(wanted.effort, wanted.budget, target.model)
    else:
        thinking["thinkingBudget"] = budget_of(wanted.effort, wanted.budget, request.max_tokens)
    config["thinkingConfig"] = thinking
    return []


def _add_tools(body: Json, request: ChatRequest) -> list[str]:
    choice, tools = request.tool_choice, request.tools
    if not tools:
        return []
    if choice is not None and choice.names and choice.mode is ToolMode.AUTO:
        tools = tuple(tool for tool in tools if tool.name in choice.names)
    body["tools"] = [{"functionDeclarations": [_declaration(tool) for tool in tools]}]
    if choice is not None:
        calling: Json = {"mode": _MODES[choice.mode]}
        if choice.names and choice.mode in (ToolMode.NAMED, ToolMode.REQUIRED):
            calling["allowedFunctionNames"] = list(choice.names)
        body["toolConfig"] = {"functionCallingConfig": calling}
    return ["parallel_tool_calls"] if request.parallel_tool_calls is False else []


def _declaration(tool: Tool) -> Json:
    written: Json = {"name": tool.name}
    if tool.description:
        written["description"] = tool.description
    if tool.parameters:
        written["parametersJsonSchema"] = tool.parameters
    return written
