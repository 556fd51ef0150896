"""Writes a request for chat completions."""

from __future__ import annotations

from typing import Any

from gecholog.llm.chat import ChatRequest, ReasoningConfig, ResponseFormat, Tool, ToolChoice, ToolMode
from gecholog.llm.chat_dialect import Target, WrittenRequest
from gecholog.llm.dialects.openai_chat import variants
from gecholog.llm.dialects.openai_chat.message_writer import MessageWriter
from gecholog.llm.dialects.openai_chat.variants import Variant
from gecholog.llm.errors import refuse_required
from gecholog.llm.nested_hints import (
    CACHE_CONTROL,
    DESCRIPTION,
    DETAIL,
    EFFORT,
    FILENAME,
    NAME,
    STRICT,
    SUMMARY,
    lost_hints,
    lost_without_switch,
)
from gecholog.llm.user_id import short_user_id

Json = dict[str, Any]

_REQUIRED = frozenset({"logprobs", "top_logprobs", "modalities", "audio", "prediction", "web_search_options"})
_LOW_BUDGET, _MEDIUM_BUDGET = 2048, 8192  # tokens of thinking up to which an effort is low, and medium
_SCHEMA_NAME = "response"
_NESTED = (NAME, DETAIL, STRICT, FILENAME, DESCRIPTION, CACHE_CONTROL)  # caching is looked for separately


def write_request(request: ChatRequest, target: Target) -> WrittenRequest:
    """The request as the target takes it. Raises UnsupportedParameterError."""
    variant = variants.variant_of(target)
    foreign = {name: value for name, value in request.required.items() if name not in _REQUIRED}
    if foreign:
        refuse_required(foreign)
    messages = MessageWriter(target, variant)
    body: Json = {"model": target.model, "messages": messages.write(request.messages)}
    dropped = lost_hints(request, *_NESTED, takes_thought=messages.takes_thought)
    if request.tools:
        body |= _tools(request, target, dropped)
    if messages.drops_cache_control or (_has_cache_control(request.tools) and not variant.takes_cache_control):
        dropped.append(CACHE_CONTROL)
    if request.response_format is not None:
        body["response_format"] = _response_format(request.response_format)
    _write_limits(body, request, target, dropped)
    _write_reasoning(body, request.reasoning, target, dropped)
    _write_sampling(body, request, target, dropped)
    if request.is_streamed:
        body["stream"] = True
        if variant.asks_usage:
            body["stream_options"] = {"include_usage": True}
    _write_hints(body, request.hints, target, dropped)
    return WrittenRequest(body | request.required, tuple(dropped))


# ------------------------------------------------------------------ tools and form


def _tools(request: ChatRequest, target: Target, dropped: list[str]) -> Json:
    takes_cache_control = variants.variant_of(target).takes_cache_control
    fields: Json = {"tools": [_tool(tool, takes_cache_control=takes_cache_control) for tool in request.tools]}
    if request.tool_choice is not None:
        fields["tool_choice"] = _tool_choice(request.tool_choice)
    if request.parallel_tool_calls is not None:
        if variants.is_of_o_series(target.model):  # which refuses it
            dropped.append("parallel_tool_calls")
        else:
            fields["parallel_tool_calls"] = request.parallel_tool_calls
    return fields


def _tool(tool: Tool, *, takes_cache_control: bool) -> Json:
    function: Json = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    if tool.strict is not None:
        function["strict"] = tool.strict
    if tool.cache_control is not None and takes_cache_control:
        return {"type": "function", "function": function, "cache_control": tool.cache_control}
    return {"type": "function", "function": function}


def _has_cache_control(tools: tuple[Tool, ...]) -> bool:
    return any(tool.cache_control is not None for tool in tools)


def _tool_choice(choice: ToolChoice) -> Any:
    if choice.mode is ToolMode.NAMED:
        return {"type": "function", "function": {"name": choice.names[0]}}
    if not choice.names or choice.mode is ToolMode.NONE:
        return choice.mode.value
    tools = [{"type": "function", "function": {"name": name}} for name in choice.names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode.value, "tools": tools}}


def _response_format(wanted: ResponseFormat) -> Json:
    if wanted.schema is None:
        return {"type": "json_object"}
    schema: Json = {"name": wanted.name or _SCHEMA_NAME, "schema": wanted.schema}
    if wanted.description:
        schema["description"] = wanted.description
    if wanted.strict is not None:
        schema["strict"] = wanted.strict
    return {"type": "json_schema", "json_schema": schema}


# ------------------------------------------------------------------ limits


def _write_limits(body: Json, request: ChatRequest, target: Target, dropped: list[str]) -> None:
    """OpenAI's newer field is the only one that its models which think take, and others do not know it."""
    if request.max_tokens is not None:
        is_new = target.profile == "openai" or variants.is_reasoning_model(target.model)
        body["max_completion_tokens" if is_new else "max_tokens"] = request.max_tokens
    if request.stop:
        body["stop"] = list(request.stop)
    if request.n is not None:
        body["n"] = request.n
    if request.top_k is not None:
        if variants.variant_of(target).takes_top_k:
            body["top_k"] = request.top_k
        else:
            dropped.append("top_k")


def _write_sampling(body: Json, request: ChatRequest, target: Target, dropped: list[str]) -> None:
    """Models that think take the usual temperature only, unless their thinking is switched off."""
    is_fixed = variants.is_reasoning_model(target.model) and body.get("reasoning_effort") != "none"
    for name, value in (("temperature", request.temperature), ("top_p", request.top_p)):
        if value is None:
            continue
        if is_fixed and value != 1:
            dropped.append(name)
        else:
            body[name] = value


# ------------------------------------------------------------------ reasoning


def _write_reasoning(body: Json, wanted: ReasoningConfig | None, target: Target, dropped: list[str]) -> None:
    if wanted is None:
        return
    if wanted.is_on is None:  # an effort without thinking is of Anthropic's clients
        dropped += lost_without_switch(wanted)
        return
    variant = variants.variant_of(target)
    if variant.shows_reasoning is not None and wanted.shows_text is (not variant.shows_reasoning):
        dropped.append(SUMMARY)
    if variant.reasoning_field == "thinking":
        body["thinking"] = {"type": "enabled" if wanted.is_on else "disabled"}
    elif variant.reasoning_field == "reasoning":
        body["reasoning"] = _openrouter(wanted)
    elif wanted.is_on and variants.cannot_reason(target.model):
        dropped.append(EFFORT)
    elif wanted.is_on:
        body["reasoning_effort"] = _effort(wanted)
    elif not variants.cannot_reason(target.model):
        _switch_off(body, target, variant, dropped)


def _switch_off(body: Json, target: Target, variant: Variant, dropped: list[str]) -> None:
    """As far as the model lets it be switched off."""
    if variants.takes_effort_none(target.model):
        body["reasoning_effort"] = "none"
    elif variants.takes_effort_minimal(target.model):
        body["reasoning_effort"] = "minimal"
    elif variant.takes_reasoning:
        body["reasoning_effort"] = "none"
    else:
        dropped.append(EFFORT)


def _effort(wanted: ReasoningConfig) -> str:
    if wanted.effort is not None:
        return {"max": "xhigh"}.get(wanted.effort, wanted.effort)
    if wanted.budget is None or wanted.budget < 0:
        return "medium"
    if wanted.budget <= _LOW_BUDGET:
        return "low"
    return "medium" if wanted.budget <= _MEDIUM_BUDGET else "high"


def _openrouter(wanted: ReasoningConfig) -> Json:
    if not wanted.is_on:
        return {"enabled": False}
    fields: Json = {"enabled": True}
    if wanted.effort is not None:
        fields = {"effort": wanted.effort}
    elif wanted.budget is not None and wanted.budget >= 0:
        fields = {"max_tokens": wanted.budget}
    if wanted.shows_text is not None:
        fields["exclude"] = not wanted.shows_text
    return fields


# ------------------------------------------------------------------ hints


def _is_tier(value: Any) -> bool:
    """Whether a service tier is one of OpenAI's: other APIs have words of their own."""
    return isinstance(value, str) and value in variants.SERVICE_TIERS


def _write_hints(body: Json, hints: Json, target: Target, dropped: list[str]) -> None:
    known = variants.variant_of(target).hints
    for name, value in hints.items():
        if name == "seed" and target.profile == "mistral":
            body["random_seed"] = value
        elif name not in known or (name == "service_tier" and not _is_tier(value)):
            dropped.append(name)
        elif name == "user" and isinstance(value, str):
            body[name] = short_user_id(value)
        else:
            body[name] = value
