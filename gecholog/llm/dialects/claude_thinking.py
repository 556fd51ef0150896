"""How Claude is asked to think, by Anthropic's API and by Bedrock's.

Source: https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking. Thinking excludes a forced tool, and
most ways to choose words. It cannot begin within a turn whose earlier thoughts did not come back.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from gecholog.llm.chat import ChatRequest, Message, Reasoning, ReasoningConfig, Role, ToolCall, ToolMode
from gecholog.llm.dialects.claude_models import LEAST_BUDGET, ThinkingKind, budget_of, effort_of, thinking_of

# The dialect that the signatures of Claude's thoughts are of. They are the same on all platforms.
ORIGIN = "anthropic"
_LEAST_TOP_P = 0.95  # beside thinking
_EFFORT = "reasoning_effort"


class Plan(NamedTuple):
    """The fields to send: `thinking`, the effort and `max_tokens`; those that are None are not sent.

    `dropped` names fields of the client that are left out, by its own names.
    """

    thinking: dict[str, Any] | None = None
    effort: str | None = None
    max_tokens: int | None = None
    dropped: tuple[str, ...] = ()


def plan(request: ChatRequest, model: str, max_tokens: int | None) -> Plan:
    """Decide how a model is asked to think. `max_tokens` is the limit of the request, None if it has none."""
    wanted = request.reasoning
    if wanted is None or wanted.is_on is False:
        return Plan(max_tokens=max_tokens)
    kind = thinking_of(model)
    if wanted.is_on is None:
        return _effort_alone(wanted, kind, max_tokens)
    if kind is ThinkingKind.NONE or _is_forced(request):
        return Plan(max_tokens=max_tokens, dropped=(_EFFORT,))
    if kind is ThinkingKind.ADAPTIVE:
        effort = effort_of(wanted.effort, wanted.budget)
        return Plan({"type": "adaptive"}, effort, max_tokens, _excluded(request))
    if _continues_without_thoughts(request.messages):
        return Plan(max_tokens=max_tokens, dropped=(_EFFORT,))
    budget, limit = _budget(request, wanted, max_tokens)
    return Plan({"type": "enabled", "budget_tokens": budget}, None, limit, _excluded(request))


def _effort_alone(wanted: ReasoningConfig, kind: ThinkingKind, max_tokens: int | None) -> Plan:
    """An effort without thinking is of Anthropic's own clients, whose newer models have it."""
    if wanted.effort is None:
        return Plan(max_tokens=max_tokens)
    if kind is ThinkingKind.ADAPTIVE:
        return Plan(None, wanted.effort, max_tokens)
    return Plan(max_tokens=max_tokens, dropped=(_EFFORT,))


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
