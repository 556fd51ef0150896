"""Writes requests for OpenAI responses from the neutral form."""

from __future__ import annotations

from gecholog.llm.chat import ChatRequest, ReasoningConfig, ResponseFormat, Tool, ToolChoice, ToolMode
from gecholog.llm.chat_dialect import Target, WrittenRequest
from gecholog.llm.checked import Json
from gecholog.llm.dialects.openai_responses.item_writer import items_of, takes_thought
from gecholog.llm.errors import UnsupportedParameterError, refuse_required
from gecholog.llm.nested_hints import DESCRIPTION, DETAIL, FILENAME, STRICT, lost_hints, lost_without_switch
from gecholog.llm.user_id import short_user_id

_HINTS = frozenset(
    {"user", "metadata", "service_tier", "safety_identifier", "prompt_cache_key", "truncation", "max_tool_calls"}
)


def write_request(request: ChatRequest, target: Target) -> WrittenRequest:
    """The body of a request to `/v1/responses`, and the hints that are left out. Raises UnsupportedParameterError.

    Nothing is stored: the conversation comes whole with each request.
    """
    _refuse_unknown(request)
    dropped = lost_hints(request, DETAIL, STRICT, FILENAME, DESCRIPTION, takes_thought=takes_thought)
    body: Json = {"model": target.model, "input": items_of(request.messages), "store": False}
    named = {
        "max_output_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "parallel_tool_calls": request.parallel_tool_calls if request.tools else None,
        "stream": request.is_streamed or None,
    }
    body |= {name: value for name, value in named.items() if value is not None}
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        if request.tool_choice is not None:
            body["tool_choice"] = write_tool_choice(request.tool_choice)
    text: Json = {} if request.response_format is None else {"format": _format(request.response_format)}
    for name, value in request.hints.items():
        if name == "verbosity":
            text["verbosity"] = value
        elif name == "user" and isinstance(value, str):
            body[name] = short_user_id(value)
        elif name in _HINTS:
            body[name] = value
        else:
            dropped.append(name)
    if text:
        body["text"] = text
    if request.top_k is not None:
        dropped.append("top_k")
    if request.reasoning is not None:
        body |= _reasoning(request.reasoning)
        dropped += lost_without_switch(request.reasoning) if request.reasoning.is_on is None else []
    return WrittenRequest(body, tuple(dropped))


def _refuse_unknown(request: ChatRequest) -> None:
    if request.required:
        refuse_required(request.required)
    if request.n is not None and request.n > 1:
        raise UnsupportedParameterError("n", "n must be 1: responses give one answer to a request")
    if request.stop:
        raise UnsupportedParameterError("stop", "stop is not supported by responses")


def _tool(tool: Tool) -> Json:
    written: Json = {"type": "function", "name": tool.name, "parameters": tool.parameters, "strict": bool(tool.strict)}
    return written | ({"description": tool.description} if tool.description else {})


def write_tool_choice(choice: ToolChoice) -> str | Json:
    """A choice of tools, as requests and responses have it."""
    if choice.mode is ToolMode.NAMED:
        return {"type": "function", "name": choice.names[0]}
    if choice.names:
        listed = [{"type": "function", "name": name} for name in choice.names]
        return {"type": "allowed_tools", "mode": choice.mode.value, "tools": listed}
    return choice.mode.value


def _format(form: ResponseFormat) -> Json:
    if form.schema is None:
        return {"type": "json_object"}
    written: Json = {"type": "json_schema", "name": form.name or "answer", "schema": form.schema}
    if form.description:
        written["description"] = form.description
    return written if form.strict is None else written | {"strict": form.strict}


def _reasoning(wanted: ReasoningConfig) -> Json:
    """How to think, and that the encrypted thoughts are to come along, since they are not stored."""
    if wanted.is_on is False:
        return {"reasoning": {"effort": "none"}}
    if not wanted.is_on:
        return {}
    reasoning: Json = {} if wanted.effort is None else {"effort": wanted.effort}
    if wanted.shows_text is not False:
        reasoning["summary"] = "auto"
    return {"reasoning": reasoning, "include": ["reasoning.encrypted_content"]}
