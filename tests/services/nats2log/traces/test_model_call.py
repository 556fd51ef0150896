"""What the URL of an attempt tells about the model."""

import pytest

from services.nats2log.traces.model_call import Target, operation_of, provider_of, server


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("/v1/chat/completions", "chat"),
        ("/v1/messages", "chat"),
        ("/v1/responses/", "chat"),
        ("/model/x/converse-stream", "chat"),
        ("/api/chat", "chat"),
        ("/v1/completions", "text_completion"),
        ("/v1/embeddings", "embeddings"),
        ("/v1beta/models/g:embedContent", "embeddings"),
        ("/v1beta/models/g:streamGenerateContent", "generate_content"),
        ("/v1/models", ""),
        ("", ""),
    ],
)
def test_operation(path, operation):
    """The operation follows from the path of the API."""
    assert operation_of(path) == operation


@pytest.mark.parametrize(
    ("url", "name", "provider"),
    [
        ("https://api.openai.com/v1", "mine", "openai"),
        ("https://res.openai.azure.com/openai", "mine", "azure.ai.openai"),
        ("https://europe-west4-aiplatform.googleapis.com/v1", "", "gcp.vertex_ai"),
        ("https://bedrock-runtime.eu-west-1.amazonaws.com/model", "", "aws.bedrock"),
        ("https://api.openai.com.example/v1", "mine", "mine"),
        ("http://localhost:11434/api", "gemini", "gcp.gemini"),
        ("http://[::1", "", ""),
        ("", "", ""),
    ],
)
def test_provider(url, name, provider):
    """A known host decides, else the name in the config."""
    assert provider_of(Target(url, name)) == provider


def test_server():
    """Address and port come from the URL."""
    assert server(Target("http://localhost/a")) == {"server.address": "localhost", "server.port": 80}
    assert server(Target("http://a:99999999/")) == {}
