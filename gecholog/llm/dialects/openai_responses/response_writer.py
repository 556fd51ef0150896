"""Writes responses of OpenAI from the neutral form."""

from __future__ import annotations

from gecholog.llm.chat import ChatRequest, ChatResponse, Choice, FinishReason, Tool
from gecholog.llm.chat_dialect import ReplyContext
from gecholog.llm.checked import Json
from gecholog.llm.dialects.openai_responses.output_items import COMPLETED, items_of
from gecholog.llm.dialects.openai_responses.request_writer import write_tool_choice
from gecholog.llm.usage import Usage

IN_PROGRESS = "in_progress"
INCOMPLETE = "incomplete"
_REASONS = {
    FinishReason.LENGTH: "max_output_tokens",
    FinishReason.CONTENT_FILTER: "content_filter",
    FinishReason.FAILED: "content_filter",
}


def write_response(response: ChatResponse, context: ReplyContext) -> Json:
    """The body of a response. Of several choices the first counts."""
    choice = response.choices[0] if response.choices else Choice()
    output = items_of(choice.parts, context.id)
    return envelope(context, response.model) | ending(choice.finish_reason, output, response.usage)


def envelope(context: ReplyContext, model: str) -> Json:
    """A response that has only begun: what was asked for, and no output."""
    request = context.request
    return {
        "id": f"resp_{context.id}",
        "object": "response",
        "created_at": context.created,
        "status": IN_PROGRESS,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": request.max_tokens,
        "model": model or context.model,
        "output": [],
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "previous_response_id": None,
        "reasoning": {"effort": request.reasoning.effort if request.reasoning else None, "summary": None},
        "store": False,
        "temperature": request.temperature,
        "text": {"format": _format(request)},
        "tool_choice": "auto" if request.tool_choice is None else write_tool_choice(request.tool_choice),
        "tools": [_tool(tool) for tool in request.tools],
        "top_p": request.top_p,
        "truncation": "disabled",
        "metadata": {},
    }


def ending(reason: FinishReason | None, output: list[Json], usage: Usage | None) -> Json:
    """The members of a response that tell how it ended."""
    if reason is FinishReason.REFUSAL and not any(map(_has_refusal, output)):
        reason = FinishReason.CONTENT_FILTER  # the model said nothing of its own about it
    cause = None if reason is None else _REASONS.get(reason)
    told: Json = {
        "status": INCOMPLETE if cause else COMPLETED,
        "incomplete_details": {"reason": cause} if cause else None,
        "output": output,
    }
    return told if usage is None else told | {"usage": usage_fields(usage)}


def usage_fields(usage: Usage) -> Json:
    """A usage as responses tell it: all counts are there."""
    prompt, completion = usage.prompt_tokens or 0, usage.completion_tokens or 0
    details = {"cached_tokens": usage.cached_tokens or 0, "cache_write_tokens": usage.cache_creation_tokens or 0}
    return {
        "input_tokens": prompt,
        "input_tokens_details": details,
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": prompt + completion,
    }


def _has_refusal(item: Json) -> bool:
    return any(part["type"] == "refusal" for part in item.get("content", ()))


def _format(request: ChatRequest) -> Json:
    form = request.response_format
    if form is None:
        return {"type": "text"}
    if form.schema is None:
        return {"type": "json_object"}
    return {"type": "json_schema", "name": form.name, "schema": form.schema, "strict": form.strict}


def _tool(tool: Tool) -> Json:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description or None,
        "parameters": tool.parameters,
        "strict": tool.strict,
    }
