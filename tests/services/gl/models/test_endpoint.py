"""Endpoints of a models router, and which providers have them."""

import pytest

from services.gl.models.endpoint import Kind, endpoint_of, has
from services.gl.models.provider import provider_of


@pytest.mark.parametrize(
    ("method", "subpath", "kind"),
    [
        ("POST", "chat/completions", Kind.MODEL),
        ("POST", "messages/count_tokens", Kind.MODEL),
        ("POST", "audio/transcriptions", Kind.MODEL),
        ("POST", "responses", Kind.MODEL),
        ("GET", "responses/resp_1", Kind.ACCOUNT),
        ("DELETE", "responses/resp_1", Kind.ACCOUNT),
        ("GET", "chat/completions", Kind.ACCOUNT),
        ("POST", "files", Kind.ACCOUNT),
        ("GET", "files/f/content", Kind.ACCOUNT),
        ("GET", "threads/t/runs/r/steps/s", Kind.ACCOUNT),
        ("GET", "fine_tuning/checkpoints/ft:gpt-4o:org::a1/permissions", Kind.ACCOUNT),
        ("GET", "fine_tuning/checkpoints/ft%3Agpt/permissions", Kind.ACCOUNT),
        ("GET", "files/", Kind.ACCOUNT),
        ("PUT", "files/f", None),
        ("GET", "files//f", None),
        ("GET", "/files", None),
        ("GET", "files/f//", None),
        ("GET", "files/f;x", None),
        ("GET", "files/%20", None),
        ("GET", "files/%00", None),
        ("GET", "files/%2e%2e/x", None),
        ("GET", "files/../x", None),
        ("GET", "files/.", None),
        ("GET", "files/a%2fb", None),
        ("GET", "files/a\\b", None),
        ("GET", "files/ä", None),
        ("GET", "files/a?b", None),
        ("GET", "threads/t/runs/r/steps/s/t", None),
        ("POST", "chat/completions/", Kind.MODEL),
        ("POST", "//chat/completions", None),
        ("GET", "models", Kind.LIST),
        ("GET", "models/openai/gpt-4o", Kind.LIST),
        ("DELETE", "models/x", None),
        ("POST", "no/such/endpoint", None),
        ("POST", "messages/no_such_endpoint", None),
        ("POST", "chat", None),
        ("GET", "messages", None),
        ("GET", "", None),
    ],
)
def test_endpoint_of(method, subpath, kind):
    """By path and method."""
    found = endpoint_of(method, subpath)
    assert (found and found.kind) == kind


@pytest.mark.parametrize(
    ("entry", "path", "wanted"),
    [
        ({"dialect": "openai", "profile": "openai"}, "audio/speech", True),
        ({"dialect": "openai", "profile": "openai"}, "messages", False),
        ({"dialect": "openai", "profile": "deepseek"}, "embeddings", False),
        ({"dialect": "openai", "profile": "deepseek"}, "chat/completions", True),
        ({"dialect": "azure", "url": "http://a"}, "responses", True),
        ({"dialect": "anthropic"}, "messages", True),
        ({"dialect": "anthropic"}, "chat/completions", False),
        ({"dialect": "gemini"}, "chat/completions", False),
        ({"dialect": "dummy"}, "chat/completions", True),
    ],
)
def test_has(entry, path, wanted):
    """A request in the provider's own dialect, to an endpoint that its profile knows."""
    assert has(provider_of({"name": "p", **entry}), endpoint_of("POST", path), "m") == wanted


def test_claude_on_vertex_takes_messages():
    """Vertex's other models do not."""
    vertex, messages = provider_of({"name": "v", "dialect": "vertex", "project": "p"}), endpoint_of("POST", "messages")
    assert has(vertex, messages, "claude-haiku-4-5")
    assert not has(vertex, messages, "gemini-2.5-flash")
    assert not has(vertex, endpoint_of("POST", "chat/completions"), "claude-haiku-4-5")
