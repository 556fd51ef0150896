"""Profiles: how the APIs that speak OpenAI's dialect differ. A table, from the documentation of each API.

A profile says where an API is and which endpoints it has. Fields of a request are forwarded as they came, and the API
itself decides about them. The sources were read in November 2026.
"""

from __future__ import annotations

from dataclasses import dataclass

CHAT = "chat/completions"
COMPLETIONS = "completions"
RESPONSES = "responses"
MESSAGES = "messages"
EMBEDDINGS = "embeddings"
IMAGES = "images/generations"
SPEECH = "audio/speech"
TRANSCRIPTIONS = "audio/transcriptions"
TRANSLATIONS = "audio/translations"
MODERATIONS = "moderations"

_ALL = None  # no list: every path goes to the provider


@dataclass(frozen=True, slots=True)
class Profile:
    """An API that speaks OpenAI's dialect.

    `url` is its base URL, empty if every installation has its own; `hosts` are the ends of host names that it is
    known by. `endpoints` are those that it has, relative to the base URL; None: all. `asks_usage`: its streams tell
    their usage only if asked for it (`stream_options.include_usage`), and it takes that question. `keyless`: it may be
    called without a key.
    """

    name: str
    source: str
    url: str = ""
    hosts: tuple[str, ...] = ()
    endpoints: frozenset[str] | None = _ALL
    asks_usage: bool = True
    keyless: bool = False

    def has(self, endpoint: str) -> bool:
        """Tell whether the API has an endpoint."""
        return self.endpoints is None or endpoint in self.endpoints


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "openai",
            "https://platform.openai.com/docs/api-reference",
            url="https://api.openai.com/v1",
            hosts=("api.openai.com",),
        ),
        Profile(
            "mistral",
            "https://docs.mistral.ai/api",
            url="https://api.mistral.ai/v1",
            hosts=("api.mistral.ai",),
            endpoints=frozenset({CHAT, EMBEDDINGS, MODERATIONS, TRANSCRIPTIONS}),
            # It answers 422 (extra_forbidden) to fields that it does not know, stream_options among them; usage comes
            # without being asked for.
            asks_usage=False,
        ),
        Profile(
            "deepseek",
            "https://api-docs.deepseek.com",
            url="https://api.deepseek.com",
            hosts=("api.deepseek.com",),
            endpoints=frozenset({CHAT}),
        ),
        Profile(
            "groq",
            "https://console.groq.com/docs/openai",
            url="https://api.groq.com/openai/v1",
            hosts=("api.groq.com",),
            endpoints=frozenset({CHAT, RESPONSES, SPEECH, TRANSCRIPTIONS, TRANSLATIONS}),
        ),
        Profile(
            "xai",
            "https://docs.x.ai/docs/api-reference",
            url="https://api.x.ai/v1",
            hosts=("api.x.ai",),
            endpoints=frozenset({CHAT, COMPLETIONS, RESPONSES, IMAGES}),
        ),
        Profile(
            "openrouter",
            "https://openrouter.ai/docs/api-reference",
            url="https://openrouter.ai/api/v1",
            hosts=("openrouter.ai",),
            endpoints=frozenset({CHAT, COMPLETIONS, RESPONSES, EMBEDDINGS}),
        ),
        Profile(
            "moonshot",
            "https://platform.kimi.ai/docs/api/overview",
            url="https://api.moonshot.ai/v1",
            hosts=("api.moonshot.ai", "api.moonshot.cn"),
            endpoints=frozenset({CHAT, RESPONSES}),
        ),
        Profile(
            "huggingface",
            "https://huggingface.co/docs/inference-providers",
            url="https://router.huggingface.co/v1",
            hosts=("router.huggingface.co",),
            endpoints=frozenset({CHAT, RESPONSES}),
        ),
        Profile(
            "vllm",
            "https://docs.vllm.ai/en/stable/serving/online_serving.html",
            endpoints=frozenset({CHAT, COMPLETIONS, RESPONSES, EMBEDDINGS, TRANSCRIPTIONS, TRANSLATIONS}),
            keyless=True,
        ),
        Profile(
            "llamacpp",
            "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
            endpoints=frozenset({CHAT, COMPLETIONS, RESPONSES, EMBEDDINGS}),
            keyless=True,
        ),
        Profile("generic", "https://platform.openai.com/docs/api-reference", keyless=True),
    )
}


def guessed(host: str) -> Profile:
    """The profile of a host name; `generic` if it is unknown."""
    name = host.lower().removesuffix(".")
    for profile in PROFILES.values():
        if any(name == known or name.endswith(f".{known}") for known in profile.hosts):
            return profile
    return PROFILES["generic"]
