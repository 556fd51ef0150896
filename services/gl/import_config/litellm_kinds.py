"""The kinds of providers that LiteLLM knows by the prefix of a model's name (https://docs.litellm.ai/docs/providers)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_KINDS_OF_MAKERS = (("claude", "anthropic"), ("gemini", "vertex_ai"), ("command", "cohere"))
# Models of Bedrock may name the API, and the region.
_OF_BEDROCK = re.compile(
    r"(?:(?:converse|invoke|converse_like)/)?(?:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)/)?(?P<name>.+)"
)


class Kind(NamedTuple):
    """What providers of a kind are here: dialect and profile, the usual URL, and the variables of the key."""

    dialect: str
    profile: str = ""
    url: str = ""
    key: str = ""


KINDS: Mapping[str, Kind] = {
    "openai": Kind("openai", key="OPENAI_API_KEY"),
    "text-completion-openai": Kind("openai", "openai", key="OPENAI_API_KEY"),
    "azure": Kind("azure", url="${AZURE_API_BASE}", key="AZURE_API_KEY"),
    "anthropic": Kind("anthropic", key="ANTHROPIC_API_KEY"),
    "gemini": Kind("gemini", key="GEMINI_API_KEY|GOOGLE_API_KEY"),
    "vertex_ai": Kind("vertex"),
    "vertex_ai_beta": Kind("vertex"),
    "bedrock": Kind("bedrock"),
    "bedrock_converse": Kind("bedrock"),
    "cohere": Kind("cohere", key="COHERE_API_KEY|CO_API_KEY"),
    "cohere_chat": Kind("cohere", key="COHERE_API_KEY|CO_API_KEY"),
    "ollama": Kind("ollama", url="http://localhost:11434"),
    "ollama_chat": Kind("ollama", url="http://localhost:11434"),
    "mistral": Kind("openai", "mistral", key="MISTRAL_API_KEY"),
    "deepseek": Kind("openai", "deepseek", key="DEEPSEEK_API_KEY"),
    "groq": Kind("openai", "groq", key="GROQ_API_KEY"),
    "xai": Kind("openai", "xai", key="XAI_API_KEY"),
    "openrouter": Kind("openai", "openrouter", key="OPENROUTER_API_KEY"),
    "moonshot": Kind("openai", "moonshot", key="MOONSHOT_API_KEY"),
    "huggingface": Kind("openai", "huggingface", key="HF_TOKEN|HUGGINGFACE_API_KEY"),
    "hosted_vllm": Kind("openai", "vllm", "${HOSTED_VLLM_API_BASE}"),
    "vllm": Kind("openai", "vllm", "${HOSTED_VLLM_API_BASE}"),
    "llamafile": Kind("openai", "llamacpp", "http://127.0.0.1:8080/v1"),
    "lm_studio": Kind("openai", "generic", "${LM_STUDIO_API_BASE}"),
    "custom_openai": Kind("openai", "generic"),
    "litellm_proxy": Kind("openai", "generic", "${LITELLM_PROXY_API_BASE}", "LITELLM_PROXY_API_KEY"),
    "together_ai": Kind("openai", "generic", "https://api.together.xyz/v1", "TOGETHERAI_API_KEY|TOGETHER_API_KEY"),
    "perplexity": Kind("openai", "generic", "https://api.perplexity.ai", "PERPLEXITYAI_API_KEY|PERPLEXITY_API_KEY"),
    "cerebras": Kind("openai", "generic", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    "nvidia_nim": Kind("openai", "generic", "https://integrate.api.nvidia.com/v1", "NVIDIA_NIM_API_KEY"),
    "deepinfra": Kind("openai", "generic", "https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY"),
    "sambanova": Kind("openai", "generic", "https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY"),
    "dashscope": Kind(
        "openai", "generic", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY"
    ),
}


class NamedModel(NamedTuple):
    """What a model's name says: the kind of its provider, the provider's own name of it, and its region (Bedrock)."""

    kind: str
    name: str
    region: str = ""


def named_model(text: str) -> NamedModel:
    """Read the name of a model: `kind/name`. LiteLLM knows the makers of some models without a kind by their names."""
    kind, slash, name = text.partition("/")
    if not slash:
        return NamedModel(next((found for word, found in _KINDS_OF_MAKERS if text.startswith(word)), "openai"), text)
    if kind in ("bedrock", "bedrock_converse") and (parts := _OF_BEDROCK.fullmatch(name)):
        return NamedModel(kind, parts["name"], parts["region"] or "")
    return NamedModel(kind, name)
