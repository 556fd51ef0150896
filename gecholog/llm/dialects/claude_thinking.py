"""How Claude is asked to think, by Anthropic's API and by Bedrock's.

Source: https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking. Thinking excludes a forced tool, and
most ways to choose words. With a budget it cannot begin within a turn whose earlier thoughts did not come back:
Anthropic's API answers such a request without thinking ("graceful thinking degradation"), Bedrock and Vertex AI refuse
it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from gecholog.llm.chat import ChatRequest, Message, Reasoning, ReasoningConfig, Role, ToolCall, ToolMode
from gecholog.llm.dialects.claude_models import (
    LEAST_BUDGET,
    ThinkingKind,
    Unasked,
    budget_of,
    effort_of,
    omits_thoughts,
    thinking_of,
    unasked_of,
)
from gecholog.llm.nested_hints import EFFORT, lost_without_switch

# The dialect that the signatures of Claude's thoughts are of. They are the same on all platforms.
ORIGIN = "anthropic"
_LEAST_TOP_P = 0.95  # beside thinking


class Plan(NamedTuple):
    """The fields to send: `thinking`, the effort and `max_tokens`; those that are None are not sent.

    `dropped` names fields of the client that are left out, by its own names.
    """

    thinking: dict[str, Any] | None = None
    effort: str | None = None
    max_tokens: int | None = None
    dropped: tuple[str, ...] = ()


def plan(request: ChatRequest, model: str, max_tokens: int | None, *, may_begin_within_turn: bool) -> Plan:
    """Decide how a model is asked to think. `max_tokens` is the limit of the request, None if it has none.

    `may_begin_within_turn`: the API takes the wish also where thinking cannot begin.
    """
    wanted = request.reasoning
    if wanted is None:
        return Plan(max_tokens=max_tokens)
    if not wanted.is_on:
        return _without_thinking(wanted, model, max_tokens)
    kind = thinking_of(model)
    if kind is ThinkingKind.NONE or _is_forced(request):
        return Plan(max_tokens=max_tokens, dropped=(EFFORT,))
    if kind is ThinkingKind.ADAPTIVE:
        effort = effort_of(wanted.effort, wanted.budget)
        return Plan({"type": "adaptive"} | _display(wanted, model), effort, max_tokens, _excluded(request))
    if max_tokens == 0 or (not may_begin_within_turn and _continues_without_thoughts(request.messages)):
        return Plan(max_tokens=max_tokens, dropped=(EFFORT,))
    budget, limit = _budget(request, wanted, max_tokens)
    thinking = {"type": "enabled", "budget_tokens": budget} | _display(wanted, model)
    return Plan(thinking, None, limit, _excluded(request))


def _display(wanted: ReasoningConfig, model: str) -> dict[str, str]:
    """Whether the text is to come, if that is not the model's default."""
    if wanted.shows_text is False:
        return {"display": "omitted"}
    return {"display": "summarized"} if omits_thoughts(model) else {}


def _without_thinking(wanted: ReasoningConfig, model: str, max_tokens: int | None) -> Plan:
    """No thinking, or an effort alone, which is of Anthropic's own clients. Older models have no word for either.

    The newest think unless they are told not to, and some of them cannot be told.
    """
    is_new = thinking_of(model) is ThinkingKind.ADAPTIVE
    if wanted.is_on is None:
        lost = tuple(name for name in lost_without_switch(wanted) if name != EFFORT or not is_new)
        return Plan(None, wanted.effort if is_new else None, max_tokens, lost)
    match unasked_of(model):
        case Unasked.ALWAYS:
            return Plan(max_tokens=max_tokens, dropped=(EFFORT,))
        case Unasked.UNLESS_DISABLED:
            return Plan({"type": "disabled"}, None, max_tokens)
    return Plan(max_tokens=max_tokens)


def _is_forced(request: ChatRequest) -> bool:
    choice = request.tool_choice
    return bool(request.tools) and choice is not None and choice.mode in (ToolMode.REQUIRED, ToolMode.NAMED)


def _continues_without_thoughts(messages: tuple[Message, ...]) -> bool:
    """Whether the conversation ends within a turn of the model that called tools, and its thoughts are not there."""
    for message in reversed(messages):
        if message.role is Role.ASSISTANT:
            calls = any(isinstance(part, ToolCall) for part in message.parts)
            return calls and not any(isinstance(part, Reasoning) and part.origin == ORIGIN for part in message.parts)
    return False


def _budget(request: ChatRequest, wanted: ReasoningConfig, max_tokens: int | None) -> tuple[int, int]:
    """The budget, and a limit that is larger: it grows by the least budget if half of it would be less than that."""
    budget = budget_of(wanted.effort, wanted.budget)
    if max_tokens is None:
        return budget, budget + 4096
    if budget < max_tokens:
        return budget, max_tokens
    budget = max(LEAST_BUDGET, max_tokens // 2)
    is_small = budget >= max_tokens or (request.max_tokens is not None and max_tokens < 2 * LEAST_BUDGET)
    return budget, max_tokens + budget if is_small else max_tokens


def _excluded(request: ChatRequest) -> tuple[str, ...]:
    """What the client said of how to choose words, and thinking does not take beside it."""
    dropped = ["temperature"] if request.temperature not in (None, 1) else []
    if request.top_k is not None:
        dropped.append("top_k")
    if request.top_p is not None and request.top_p < _LEAST_TOP_P:
        dropped.append("top_p")
    return tuple(dropped)
