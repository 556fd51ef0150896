"""Token usage by the shape of the answer."""

import pytest

from gecholog import llm
from gecholog.llm.usage import NONE, Usage, usage_of
from tests.gecholog.llm import aws
from tests.gecholog.llm.samples import ANTHROPIC, COHERE, SSE, chunk, sse, sse_named


def usage(prompt, completion, **more):
    return Usage("provider", prompt, completion, (prompt or 0) + (completion or 0), **more)


CHAT = {"prompt_tokens": 40, "completion_tokens": 9, "total_tokens": 49}
SHAPES = {
    "chat": ({"usage": CHAT}, usage(40, 9)),
    "chat with details": (
        {
            "usage": CHAT
            | {
                "prompt_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 2, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 5},
            },
        },
        usage(40, 9, cached_tokens=30, cache_creation_tokens=2, reasoning_tokens=5),
    ),
    "details that are null": (
        {"usage": CHAT | {"prompt_tokens_details": None, "completion_tokens_details": None}},
        usage(40, 9),
    ),
    "embeddings": ({"object": "list", "usage": {"prompt_tokens": 5, "total_tokens": 5}}, usage(5, None)),
    "embeddings with a total only": ({"object": "list", "usage": {"total_tokens": 5}}, usage(5, None)),
    "DeepSeek": (
        {"usage": CHAT | {"prompt_cache_hit_tokens": 30, "prompt_cache_miss_tokens": 10}},
        usage(40, 9, cached_tokens=30),
    ),
    "xAI": (
        {
            "usage": {
                "prompt_tokens": 30,
                "completion_tokens": 9,
                "total_tokens": 439,
                "prompt_tokens_details": {"text_tokens": 30, "audio_tokens": 0, "cached_tokens": 20},
                "completion_tokens_details": {"reasoning_tokens": 400},
            },
        },
        usage(30, 409, cached_tokens=20, reasoning_tokens=400),
    ),
    "Mistral with audio": (
        {
            "usage": {
                "prompt_tokens": 11,
                "completion_tokens": 15,
                "total_tokens": 401,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 375},
            },
        },
        usage(386, 15, cached_tokens=0),
    ),
    "Gemini for OpenAI's clients": (
        {"usage": {"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109}},
        usage(35, 74),
    ),
    "OpenRouter with more reasoning than completion": (
        {"usage": CHAT | {"completion_tokens_details": {"reasoning_tokens": 11}}},
        usage(40, 9, reasoning_tokens=11),
    ),
    "Groq": ({"x_groq": {"id": "req_1", "usage": CHAT | {"queue_time": 0.1}}}, usage(40, 9)),
    "Groq, with null usage": ({"usage": None, "x_groq": {"usage": CHAT}}, usage(40, 9)),
    "responses": (
        {
            "usage": {
                "input_tokens": 70,
                "input_tokens_details": {"cached_tokens": 60},
                "output_tokens": 30,
                "output_tokens_details": {"reasoning_tokens": 20},
                "total_tokens": 100,
            },
        },
        usage(70, 30, cached_tokens=60, reasoning_tokens=20),
    ),
    "images": (
        {
            "created": 1,
            "usage": {
                "input_tokens": 14,
                "input_tokens_details": {"image_tokens": 0, "text_tokens": 14},
                "output_tokens": 272,
                "total_tokens": 286,
            },
        },
        usage(14, 272),
    ),
    "transcription": (
        {"text": "Hi", "usage": {"type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59}},
        usage(14, 45),
    ),
    "Anthropic": (
        {
            "type": "message",
            "usage": {
                "input_tokens": 4,
                "cache_creation_input_tokens": 2051,
                "cache_read_input_tokens": 18000,
                "output_tokens": 510,
                "output_tokens_details": {"thinking_tokens": 300},
            },
        },
        usage(20055, 510, cached_tokens=18000, cache_creation_tokens=2051, reasoning_tokens=300),
    ),
    "Gemini": (
        {
            "usageMetadata": {
                "promptTokenCount": 1000,
                "toolUsePromptTokenCount": 20,
                "candidatesTokenCount": 10,
                "thoughtsTokenCount": 500,
                "totalTokenCount": 1530,
                "cachedContentTokenCount": 800,
            },
        },
        usage(1020, 510, cached_tokens=800, reasoning_tokens=500),
    ),
    "Gemini, only thoughts": (
        {"usageMetadata": {"promptTokenCount": 10, "thoughtsTokenCount": 50, "totalTokenCount": 60}},
        usage(10, 50, reasoning_tokens=50),
    ),
    "Gemini, blocked": ({"usageMetadata": {"promptTokenCount": 10, "totalTokenCount": 10}}, usage(10, 0)),
    "Gemini in snake case": (
        {"usage_metadata": {"prompt_token_count": 10, "candidates_token_count": 2, "total_token_count": 12}},
        usage(10, 2),
    ),
    "Ollama": ({"done": True, "prompt_eval_count": 26, "eval_count": 4}, usage(26, 4)),
    "Ollama, prompt cached": ({"done": True, "eval_count": 4}, usage(None, 4)),
    "Ollama's embeddings": ({"embeddings": [[0.1]], "prompt_eval_count": 8}, usage(8, None)),
    "Cohere": (
        {
            "message": {},
            "usage": {
                "billed_units": {"input_tokens": 5.0, "output_tokens": 2.0},
                "tokens": {"input_tokens": 71.0, "output_tokens": 2.0},
                "cached_tokens": 64.0,
            },
        },
        usage(71, 2, cached_tokens=64),
    ),
    "Cohere's version 1": ({"text": "Hi", "meta": {"tokens": {"input_tokens": 71, "output_tokens": 2}}}, usage(71, 2)),
    "Cohere's embeddings": ({"embeddings": {}, "meta": {"billed_units": {"input_tokens": 7}}}, usage(7, None)),
    "Bedrock Converse": (aws.CONVERSE_FOLDED, usage(14, 20, cached_tokens=7, cache_creation_tokens=3)),
    "Bedrock's metrics": (
        {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 9, "outputTokenCount": 3, "invocationLatency": 5}},
        usage(9, 3),
    ),
    "Workers AI": ({"response": "Hi", "usage": CHAT}, usage(40, 9)),
    "Workers AI in its envelope": ({"result": {"response": "Hi", "usage": CHAT}, "success": True}, usage(40, 9)),
    "Vertex's embeddings": (
        {"predictions": [{"embeddings": {"values": [0.1], "statistics": {"token_count": n}}} for n in (4, 5)]},
        usage(9, None),
    ),
    "zeros": ({"usage": dict.fromkeys(CHAT, 0)}, usage(0, 0)),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(name):
    """Each API's way to count comes to the same thing."""
    answer, expected = SHAPES[name]
    assert usage_of(answer) == expected


NO_USAGE = [
    {},
    {"usage": None},
    {"usage": {}},
    {"usage": 7},
    {"usage": {"type": "duration", "seconds": 12}},
    {"usage": {"prompt_tokens": -1, "completion_tokens": True, "total_tokens": "49"}},
    {"usage": {"prompt_tokens": None}},
    {"usageMetadata": {"trafficType": "ON_DEMAND"}},
    {"error": {"message": "no"}},
    {"meta": {"api_version": {}}},
    {"predictions": [7, {"embeddings": []}]},
    {"result": {"usage": CHAT}},
    {"input_tokens": 12},
    {"totalTokens": 12},
]


@pytest.mark.parametrize("answer", NO_USAGE)
def test_no_usage(answer):
    """What is no count is none. An API that counts tokens for its client has used none of them."""
    assert usage_of(answer) is None


def test_large_numbers():
    """Numbers stay within what other systems take."""
    most = 2**63 - 1
    assert usage_of({"usage": {"prompt_tokens": most, "completion_tokens": most}}) == Usage(
        "provider", most, most, most
    )
    assert usage_of({"usage": {"prompt_tokens": most + 1}}) is None


def test_fields():
    """A record holds what is known, zeros too."""
    assert usage(5, 0, cached_tokens=0).fields() == {
        "source": "provider",
        "prompt_tokens": 5,
        "completion_tokens": 0,
        "total_tokens": 5,
        "cached_tokens": 0,
    }
    assert usage(5, None, cached_tokens=3).counts() == {"prompt_tokens": 5, "total_tokens": 5}
    assert NONE.fields() == {"source": "none"}


def test_streams():
    """Counts that come in several events are merged first: a later zero replaces nothing."""
    start, *middle, end, stop = ANTHROPIC
    end = end | {"usage": {"input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 42}}
    assert usage_of(llm.fold(sse_named(start, *middle, end, stop), SSE, completed=True)) == usage(
        32, 42, cached_tokens=7
    )
    groq = sse(chunk({"content": "a"}), chunk({}, finish_reason="stop", x_groq={"usage": CHAT}), done=True)
    assert usage_of(llm.fold(groq, SSE, completed=True)) == usage(40, 9)
    assert usage_of(llm.fold(sse_named(*COHERE), SSE, completed=True)) == usage(71, 2)
    assert usage_of(llm.fold(aws.STREAM, aws.AWS, completed=True)).total_tokens == 34


def test_tokens_of_sound():
    """OpenAI and Gemini tell them apart; a record does not."""
    details = {"prompt_tokens_details": {"audio_tokens": 5}, "completion_tokens_details": {"audio_tokens": 3}}
    found = usage_of({"usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13, **details}})
    assert (found.details.audio_input, found.details.audio_output) == (5, 3)
    assert not any("audio" in name for name in found.fields())
    modalities = [{"modality": "TEXT", "tokenCount": 4}, {"modality": "AUDIO", "tokenCount": 5}]
    found = usage_of({"usageMetadata": {"promptTokenCount": 9, "promptTokensDetails": modalities}})
    assert (found.details.audio_input, found.details.audio_output) == (5, None)


def test_tokens_of_images():
    """OpenAI and Gemini tell them apart; where Gemini lists other kinds only, there are none."""
    details = {"input_tokens_details": {"image_tokens": 5}, "output_tokens_details": {"image_tokens": 272}}
    found = usage_of({"usage": {"input_tokens": 9, "output_tokens": 272, "total_tokens": 281, **details}})
    assert (found.details.image_input, found.details.image_output) == (5, 272)
    listed = {"promptTokensDetails": [{"modality": "TEXT", "tokenCount": 9}]}
    found = usage_of({"usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 3, **listed}})
    assert (found.details.image_input, found.details.image_output) == (0, None)


@pytest.mark.parametrize(
    "answer",
    [
        {
            "usage": {
                "input_tokens": 4,
                "cache_creation_input_tokens": 30,
                "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
                "output_tokens": 5,
            }
        },
        {
            "usage": {
                "inputTokens": 4,
                "outputTokens": 5,
                "cacheWriteInputTokens": 30,
                "cacheDetails": [
                    {"ttl": "5m", "inputTokens": 20},
                    {"ttl": "1h", "inputTokens": 6},
                    {"ttl": "1h", "inputTokens": 4},
                ],
            }
        },
    ],
    ids=["Anthropic", "Bedrock"],
)
def test_cache_creation_by_duration(answer):
    """What is written to a cache for an hour is told apart, and part of all that is written."""
    found = usage_of(answer)
    assert found == usage(34, 5, cache_creation_tokens=30)
    assert found.details.cache_creation_1h == 10


def test_cache_creation_by_duration_in_a_stream():
    start, *rest = ANTHROPIC
    message = start["message"] | {
        "usage": {
            "input_tokens": 4,
            "cache_creation_input_tokens": 30,
            "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
            "output_tokens": 1,
        }
    }
    found = usage_of(llm.fold(sse_named(start | {"message": message}, *rest), SSE, completed=True))
    assert found.cache_creation_tokens == 30
    assert found.details.cache_creation_1h == 10
