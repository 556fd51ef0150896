"""Which API a request is for, by its path."""

from __future__ import annotations

from collections.abc import Mapping

from services.dummy import openai_api
from services.dummy.anthropic import api as anthropic
from services.dummy.api import Api
from services.dummy.gemini import api as gemini
from services.dummy.ollama import api as ollama

_MODELS = "/v1/models"  # where OpenAI, Anthropic and Gemini list their models


def api_of(path: str, headers: Mapping[str, str]) -> Api:
    """Return the API of a path. The headers tell whose list of models is meant."""
    if path.startswith("/v1/messages"):
        return anthropic.API
    if path.startswith("/api/"):
        return ollama.API
    if path.startswith(_MODELS) and "anthropic-version" in headers:
        return anthropic.API
    if gemini.is_its(path) or (path.startswith(_MODELS) and "x-goog-api-key" in headers):
        return gemini.API
    return openai_api.API
