"""Who sells models, by the host of an API."""

import pytest

from services.gl.models.vendor import vendor_of_host


@pytest.mark.parametrize(
    ("host", "vendor"),
    [
        ("api.openai.com", "openai"),
        ("API.OpenAI.com.", "openai"),
        ("eu.api.openai.com", "openai"),
        ("api.anthropic.com", "anthropic"),
        ("generativelanguage.googleapis.com", "google"),
        ("us-central1-aiplatform.googleapis.com", "google"),
        ("aiplatform.googleapis.com", "google"),
        ("mine.openai.azure.com", "azure"),
        ("bedrock-runtime.eu-west-1.amazonaws.com", "bedrock"),
        ("openrouter.ai", "openrouter"),
        ("router.huggingface.co", ""),
        ("api.anthropic.com.example.com", ""),
        ("notopenai.azure.com", ""),
        ("127.0.0.1", ""),
        ("", ""),
    ],
)
def test_hosts(host, vendor):
    assert vendor_of_host(host) == vendor
