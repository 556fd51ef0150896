"""Vendors: who sells models, by the names in the table of prices. Pure."""

from __future__ import annotations

from services.gl.models import profile as profiles

# Profiles with prices of their own.
PRICED_PROFILES = frozenset({"openai", "mistral", "deepseek", "groq", "xai", "openrouter", "moonshot"})

# The ends of host names. Those of OpenAI's clones are in their profiles.
_HOSTS = {
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "google",
    "aiplatform.googleapis.com": "google",
    "api.cohere.com": "cohere",
    "api.cohere.ai": "cohere",
    "openai.azure.com": "azure",
    "cognitiveservices.azure.com": "azure",
    "services.ai.azure.com": "azure",
}


def vendor_of_profile(profile: profiles.Profile) -> str:
    """The vendor of an API that speaks OpenAI's dialect; empty if it has no prices."""
    return profile.name if profile.name in PRICED_PROFILES else ""


def vendor_of_host(host: str) -> str:
    """The vendor whose API has this host name; empty if that is not known."""
    name = host.lower().removesuffix(".")
    for end, vendor in _HOSTS.items():
        if name == end or name.endswith((f".{end}", f"-{end}")):  # us-central1-aiplatform.googleapis.com
            return vendor
    if name.startswith(("bedrock-runtime.", "bedrock-runtime-fips.")) and name.endswith(".amazonaws.com"):
        return "bedrock"
    return vendor_of_profile(profiles.guessed(name))
