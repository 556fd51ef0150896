from contextlib import suppress
from types import ModuleType
from typing import Any

import pytest

from gecholog.llm.chat_dialect import Target
from gecholog.llm.dialects.cohere import embeddings as cohere
from gecholog.llm.dialects.gemini import embeddings as gemini
from gecholog.llm.dialects.gemini import vertex_embeddings as vertex
from gecholog.llm.dialects.ollama import embeddings as ollama
from gecholog.llm.embeddings import EmbeddingsRequest
from gecholog.llm.errors import InvalidResponseError
from tests.gecholog.llm.fuzz import mutated

REQUEST = EmbeddingsRequest("m", ("a", "b"), 64, hints={"user": "u"})
GEMINI = {"embeddings": [{"values": [0.5, 1]}, {"values": [2.0]}], "usageMetadata": {"promptTokenCount": 5}}
COHERE = {"id": "i", "embeddings": {"float": [[0.5, 1], [2.0]]}, "meta": {"billed_units": {"input_tokens": 5}}}
PREDICTED = {
    "predictions": [
        {"embeddings": {"values": [0.5, 1], "statistics": {"token_count": 2, "truncated": False}}},
        {"embeddings": {"values": [2.0], "statistics": {"token_count": 3, "truncated": False}}},
    ]
}
OLLAMA = {"model": "own", "embeddings": [[0.5, 1], [2.0]], "prompt_eval_count": 5}


PROVIDERS = [(gemini, GEMINI), (ollama, OLLAMA), (cohere, COHERE), (vertex, GEMINI), (vertex, PREDICTED)]


def test_gemini_gets_an_entry_for_each_text() -> None:
    written = gemini.write_request(REQUEST, Target("embed"))
    assert written.dropped == ("user",)
    assert written.body == {
        "requests": [
            {"model": "models/embed", "content": {"parts": [{"text": text}]}, "outputDimensionality": 64}
            for text in "ab"
        ]
    }


def test_ollama_gets_all_texts() -> None:
    written = ollama.write_request(REQUEST, Target("embed"))
    assert written.dropped == ("user",)
    assert written.body == {"model": "embed", "input": ["a", "b"], "dimensions": 64}


def test_cohere_gets_the_kind_of_texts() -> None:
    """It requires `input_type`, which OpenAI's API does not have; a client may send it all the same."""
    written = cohere.write_request(REQUEST, Target("embed"))
    assert written.dropped == ("user",)
    wanted = {"model": "embed", "texts": ["a", "b"], "embedding_types": ["float"], "output_dimension": 64}
    assert written.body == wanted | {"input_type": "search_document"}
    asked = EmbeddingsRequest("m", ("a",), hints={"input_type": "search_query"})
    written = cohere.write_request(asked, Target("embed"))
    assert (written.body["input_type"], written.dropped) == ("search_query", ())


@pytest.mark.parametrize(
    ("model", "texts", "method", "body"),
    [
        (
            "text-embedding-005",
            ("a", "b"),
            "predict",
            {"instances": [{"content": "a"}, {"content": "b"}], "parameters": {"outputDimensionality": 64}},
        ),
        (
            "gemini-embedding-001",
            ("a",),
            "embedContent",
            {
                "content": {"role": "user", "parts": [{"text": "a"}]},
                "embedContentConfig": {"outputDimensionality": 64},
            },
        ),
        (
            "gemini-embedding-001",
            ("a", "b"),
            "batchEmbedContents",
            {
                "requests": [
                    {
                        "content": {"role": "user", "parts": [{"text": text}]},
                        "embedContentConfig": {"outputDimensionality": 64},
                    }
                    for text in "ab"
                ]
            },
        ),
    ],
)
def test_vertex_gets_the_method_of_the_model(
    model: str, texts: tuple[str, ...], method: str, body: dict[str, Any]
) -> None:
    """As Google's SDK asks it (google-genai 3, `Models.embed_content`)."""
    written = vertex.write_request(EmbeddingsRequest("m", texts, 64, hints={"user": "u"}), Target(model))
    assert (written.body, written.method, written.dropped) == (body, method, ("user",))


def test_one_vector_of_vertex() -> None:
    found = vertex.read_response({"embedding": {"values": [0.5]}, "usageMetadata": {"promptTokenCount": 4}}, 1)
    assert found.vectors == ([0.5],)
    assert found.usage is not None
    assert found.usage.prompt_tokens == 4


@pytest.mark.parametrize(("module", "answer"), PROVIDERS)
def test_answers(module: ModuleType, answer: dict[str, Any]) -> None:
    found = module.read_response(answer, 2)
    assert found.vectors == ([0.5, 1], [2.0])
    assert found.usage is not None
    assert found.usage.prompt_tokens == 5


@pytest.mark.parametrize(("module", "answer"), PROVIDERS)
def test_answers_for_another_number_of_texts_are_refused(module: ModuleType, answer: dict[str, Any]) -> None:
    with pytest.raises(InvalidResponseError, match="2 embeddings for 3 texts"):
        module.read_response(answer, 3)


@pytest.mark.parametrize(("module", "answer"), PROVIDERS)
def test_any_answer_is_read_or_refused(module: ModuleType, answer: dict[str, Any]) -> None:
    for value in mutated([answer], 500):
        if isinstance(value, dict):
            with suppress(InvalidResponseError):
                module.read_response(value, 2)
