"""How the APIs that speak chat completions differ in what they take. A table, from the documentation of each.

What decides is the profile of the provider, and the name of the model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gecholog.llm.chat_dialect import Target

_REASONING_MODEL = re.compile(r"(^|[/_-])(o[1-9]|gpt-?[5-9])(?![a-z0-9])", re.IGNORECASE)
_O_SERIES = re.compile(r"(^|[/_-])o[1-9](?![a-z0-9])", re.IGNORECASE)
_WITH_NONE = re.compile(r"gpt-?(5\.[1-9]|[6-9])", re.IGNORECASE)
_WITH_MINIMAL = re.compile(r"gpt-?5(?!\.)", re.IGNORECASE)
_NOT_REASONING = re.compile(r"(^|[/_-])(gpt-?(3|4)|chatgpt-4)", re.IGNORECASE)

SERVICE_TIERS = frozenset({"auto", "default", "flex", "priority", "scale"})
OPENAI_HINTS = frozenset(
    {
        "seed",
        "logit_bias",
        "presence_penalty",
        "frequency_penalty",
        "user",
        "metadata",
        "service_tier",
        "store",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "verbosity",
    }
)
_COMMON_HINTS = frozenset({"seed", "logit_bias", "presence_penalty", "frequency_penalty", "user"})


@dataclass(frozen=True, slots=True)
class Variant:
    """What an API takes beside what all of them take.

    `hints` are OpenAI's fields that it knows. `takes_reasoning`: reasoning may stand in the history of a conversation.
    `takes_signatures`: so may signatures. `reasoning_field` turns reasoning on and off: `reasoning_effort`, `thinking`
    or `reasoning`. `shows_reasoning`: its text comes with the answer; None: it does if that is asked for.
    `asks_usage`: usage of streams has to be asked for. `id_length` is the longest id of a tool call; `has_exact_ids`:
    it must have exactly that length, of letters and digits.
    """

    hints: frozenset[str] = _COMMON_HINTS
    takes_reasoning: bool = False
    takes_signatures: bool = False
    reasoning_field: str = "reasoning_effort"
    shows_reasoning: bool | None = True
    takes_top_k: bool = False
    takes_cache_control: bool = False
    asks_usage: bool = True
    id_length: int = 40
    has_exact_ids: bool = False


_VARIANTS = {
    "openai": Variant(OPENAI_HINTS, shows_reasoning=False),
    "azure": Variant(OPENAI_HINTS, shows_reasoning=False),
    "mistral": Variant(
        frozenset({"presence_penalty", "frequency_penalty"}), asks_usage=False, id_length=9, has_exact_ids=True
    ),
    "deepseek": Variant(
        frozenset({"presence_penalty", "frequency_penalty"}), takes_reasoning=True, reasoning_field="thinking"
    ),
    "moonshot": Variant(
        frozenset({"presence_penalty", "frequency_penalty"}), takes_reasoning=True, reasoning_field="thinking"
    ),
    "groq": Variant(_COMMON_HINTS | {"service_tier"}),
    "xai": Variant(_COMMON_HINTS),
    "openrouter": Variant(
        OPENAI_HINTS,
        takes_reasoning=True,
        reasoning_field="reasoning",
        shows_reasoning=None,
        takes_top_k=True,
        takes_cache_control=True,
    ),
    "huggingface": Variant(_COMMON_HINTS),
    "vllm": Variant(OPENAI_HINTS, takes_reasoning=True, takes_top_k=True),
    "llamacpp": Variant(OPENAI_HINTS, takes_reasoning=True, takes_top_k=True),
}
# Someone's server, a gateway perhaps with any provider behind it.
_GENERIC = Variant(OPENAI_HINTS, takes_reasoning=True, takes_signatures=True)


def variant_of(target: Target) -> Variant:
    """What the API takes where a request goes."""
    return _VARIANTS.get(target.profile, _GENERIC)


def is_reasoning_model(model: str) -> bool:
    """Whether it is one of OpenAI's models that think: they take `max_completion_tokens`, and the usual temperature."""
    return _REASONING_MODEL.search(model) is not None


def is_of_o_series(model: str) -> bool:
    """Whether it is one of OpenAI's first models that think."""
    return _O_SERIES.search(model) is not None


def cannot_reason(model: str) -> bool:
    """Whether it is one of OpenAI's models that are known not to think: they refuse to be asked."""
    return _NOT_REASONING.search(model) is not None


def takes_effort_none(model: str) -> bool:
    """Whether thinking can be switched off, from GPT-5.1 on."""
    return _WITH_NONE.search(model) is not None


def takes_effort_minimal(model: str) -> bool:
    """Whether there is an effort below `low`, as GPT-5 has it."""
    return _WITH_MINIMAL.search(model) is not None
