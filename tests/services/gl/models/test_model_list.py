"""Lists of models as providers give them."""

import pytest

from services.gl.models.address import Address
from services.gl.models.model_list import list_address, names_in
from services.gl.models.provider import Dialect, provider_of


@pytest.mark.parametrize(
    ("dialect", "where", "answer"),
    [
        ("openai", Address("/models"), {"object": "list", "data": [{"id": "a"}, {"id": "b/c"}]}),
        ("dummy", Address("/models"), {"data": [{"id": "a"}, {"id": "b/c"}]}),
        ("anthropic", Address("/v1/models", (("limit", "1000"),)), {"data": [{"id": "a"}, {"id": "b/c"}]}),
        (
            "gemini",
            Address("/v1beta/models", (("pageSize", "1000"),)),
            {"models": [{"name": "models/a"}, {"name": "b/c"}]},
        ),
        ("cohere", Address("/v1/models", (("page_size", "1000"),)), {"models": [{"name": "a"}, {"name": "b/c"}]}),
        ("ollama", Address("/api/tags"), {"models": [{"name": "a"}, {"name": "b/c"}]}),
    ],
)  # fmt: skip
def test_each_dialect(dialect, where, answer):
    """Where the list is, and the names in it."""
    provider = provider_of({"name": "p", "dialect": dialect, "url": "http://h"})
    assert list_address(provider) == where
    assert names_in(Dialect(dialect), answer) == {"a", "b/c"}


@pytest.mark.parametrize("answer", [None, [], {}, "x", {"data": {}}, {"data": "ab"}, {"error": {"message": "no"}}])
def test_what_is_no_list(answer):
    """None."""
    assert names_in(Dialect.OPENAI, answer) is None


def test_what_cannot_be_a_name():
    """It is left out: names must not stand for many, nor be unprintable."""
    entries = [
        {"id": "ok"},
        {"id": "*"},
        {"id": "a*"},
        {"id": ""},
        {"id": "a\nb"},
        {"id": 3},
        {},
        "x",
        {"id": "x" * 201},
    ]
    assert names_in(Dialect.OPENAI, {"data": entries}) == {"ok"}


def test_ollama_s_usual_tag():
    """Clients may leave it out."""
    answer = {"models": [{"name": "llama3:latest"}, {"name": "llama3:8b"}]}
    assert names_in(Dialect.OLLAMA, answer) == {"llama3:latest", "llama3", "llama3:8b"}
