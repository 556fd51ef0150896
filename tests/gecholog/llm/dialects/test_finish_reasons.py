"""Each word that an API is documented to have for the end of an answer is known, and a failure is no normal end."""

from typing import Any

import pytest

from gecholog.llm import json_text
from gecholog.llm.chat import ChatRequest, ChatResponse, Choice, FinishReason, Text
from gecholog.llm.chat_dialect import ReplyContext
from gecholog.llm.dialects.chat_table import CHAT_DIALECTS
from gecholog.llm.errors import InvalidResponseError
from gecholog.llm.sse import SseDecoder
from gecholog.llm.whole_as_deltas import deltas_of
from tests.gecholog.llm.public_schemas import ANTHROPIC, OPENAI, check, schemas

CONTEXT = ReplyContext(ChatRequest("m", ()), "id1", 1, "asked")
FAILED = ChatResponse((Choice((Text("x"),), FinishReason.FAILED, native_reason="MALFORMED_FUNCTION_CALL"),), "id", "m")
# https://ai.google.dev/api/generate-content#FinishReason, and those of Vertex AI
GEMINI = """STOP MAX_TOKENS SAFETY RECITATION LANGUAGE OTHER BLOCKLIST PROHIBITED_CONTENT SPII MALFORMED_FUNCTION_CALL
IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT IMAGE_OTHER NO_IMAGE IMAGE_RECITATION UNEXPECTED_TOOL_CALL TOO_MANY_TOOL_CALLS
MISSING_THOUGHT_SIGNATURE MALFORMED_RESPONSE MODEL_ARMOR"""
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
BEDROCK = """end_turn tool_use max_tokens stop_sequence guardrail_intervened content_filtered malformed_model_output
malformed_tool_use model_context_window_exceeded"""


def _of_anthropic(word: str) -> dict[str, Any]:
    return {"content": [], "stop_reason": word}


def _of_chat(word: str) -> dict[str, Any]:
    return {"choices": [{"message": {"content": "x"}, "finish_reason": word}]}


def _of_gemini(word: str) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": []}, "finishReason": word}]}


def _of_bedrock(word: str) -> dict[str, Any]:
    return {"output": {"message": {"content": []}}, "stopReason": word}


def _of_ollama(word: str) -> dict[str, Any]:
    return {"message": {"content": "x"}, "done": True, "done_reason": word}


def _of_chats_document() -> list[str]:
    choices = schemas(OPENAI)["CreateChatCompletionResponse"]["properties"]["choices"]
    return list(choices["items"]["properties"]["finish_reason"]["enum"])


WORDS = [
    ("anthropic", _of_anthropic, schemas(ANTHROPIC)["BetaStopReason"]["enum"]),
    ("openai_chat", _of_chat, _of_chats_document()),
    ("gemini", _of_gemini, GEMINI.split()),
    ("bedrock_converse", _of_bedrock, BEDROCK.split()),
    ("ollama", _of_ollama, ["stop", "length", "load", "unload"]),
]


@pytest.mark.parametrize(("dialect", "answer", "words"), WORDS)
def test_each_documented_word_is_known(dialect: str, answer: Any, words: list[str]) -> None:
    reasons = {word: CHAT_DIALECTS[dialect].read_response(answer(word)).choices[0].finish_reason for word in words}
    assert [word for word, reason in reasons.items() if reason in (None, FinishReason.OTHER)] == []


@pytest.mark.parametrize(("dialect", "answer", "words"), WORDS)
def test_a_word_that_is_not_known_is_kept(dialect: str, answer: Any, words: list[str]) -> None:
    del words
    choice = CHAT_DIALECTS[dialect].read_response(answer("brand_new")).choices[0]
    assert (choice.finish_reason, choice.native_reason) == (FinishReason.OTHER, "brand_new")


def test_a_response_that_failed_is_an_error() -> None:
    with pytest.raises(InvalidResponseError):
        CHAT_DIALECTS["openai_responses"].read_response({"output": [], "status": "failed"})


@pytest.mark.parametrize("word", ["cancelled", "in_progress", "queued"])
def test_states_of_responses_that_are_no_end(word: str) -> None:
    choice = CHAT_DIALECTS["openai_responses"].read_response({"output": [], "status": word}).choices[0]
    assert (choice.finish_reason, choice.native_reason) == (FinishReason.FAILED, word)


def _whole(dialect: str, response: ChatResponse) -> Any:
    write = CHAT_DIALECTS[dialect].write_response
    assert write is not None
    return json_text.loads(json_text.dumps(write(response, CONTEXT)))


def _last_event(dialect: str, kind: str) -> Any:
    make = CHAT_DIALECTS[dialect].stream_writer
    assert make is not None
    writer = make(CONTEXT)
    events = SseDecoder().feed(b"".join(map(writer.write, deltas_of(FAILED))) + writer.end())
    return [event.value for event in events if not kind or event.value.get("type") == kind][-1]


def test_a_failure_in_a_chat_completion() -> None:
    for choice in (_whole("openai_chat", FAILED)["choices"][0], _last_event("openai_chat", "")["choices"][0]):
        assert choice["finish_reason"] == "content_filter"
        assert choice["native_finish_reason"] == "MALFORMED_FUNCTION_CALL"


def test_a_failure_in_a_message() -> None:
    whole = _whole("anthropic", FAILED)
    check(ANTHROPIC, "Message", whole)
    for told in (whole, _last_event("anthropic", "message_delta")["delta"]):
        assert told["stop_reason"] == "refusal"
        assert "MALFORMED_FUNCTION_CALL" in told["stop_details"]["explanation"]


def test_a_failure_in_a_response() -> None:
    for told in (
        _whole("openai_responses", FAILED),
        _last_event("openai_responses", "response.incomplete")["response"],
    ):
        assert (told["status"], told["incomplete_details"]) == ("incomplete", {"reason": "content_filter"})


def test_an_end_that_is_not_known_is_an_end() -> None:
    response = ChatResponse((Choice((Text("x"),), FinishReason.OTHER, native_reason="new"),), "id", "m")
    choice = _whole("openai_chat", response)["choices"][0]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("stop", "new")
    assert _whole("anthropic", response)["stop_reason"] == "end_turn"
    assert _whole("openai_responses", response)["status"] == "completed"
