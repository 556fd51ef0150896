"""Streams of Gemini, as SSE and as the array."""

import json

import pytest

from gecholog import llm
from tests.gecholog.llm.samples import GEMINI, GEMINI_FOLDED, SSE, candidate, gemini, part, sse

ARRAY = json.dumps(GEMINI, indent=2).replace("\n  },", "\n  }\n,").encode()


def test_sse():
    """Parts are joined while they are of one kind, the last state of all else counts."""
    assert llm.fold(sse(*GEMINI), SSE, completed=True) == GEMINI_FOLDED


def test_array():
    """The array of chunks is the same answer."""
    assert llm.fold_array(ARRAY) == GEMINI_FOLDED


@pytest.mark.parametrize("size", [len(ARRAY) - 1, len(ARRAY) - 30])
def test_array_cut_off(size):
    """Of an array that was cut off all items that are whole count."""
    cut = llm.fold_array(ARRAY[:size])
    assert cut["candidates"][0]["content"]["parts"][1] == {"text": "Hello there"}
    assert cut["usageMetadata"]["totalTokenCount"] == (10 if size == len(ARRAY) - 1 else 9)


@pytest.mark.parametrize(
    "data", [b"", b"[", b"[]", b"[1]", b"7", b'{"candidates":[]}', b'[{"id":1}]', b'[{"a":[', b"[DONE]"]
)
def test_other_arrays(data):
    """Any other JSON is left alone."""
    assert llm.fold_array(data) is None


def test_several_candidates():
    """Candidates are kept apart by index, or by place if the index is left out because it is 0."""
    first = gemini(candidate(part("a")), candidate(part("b"), index=1))
    del first["candidates"][0]["index"]
    second = gemini(candidate(part("B"), index=1, finishReason="STOP"))
    found = llm.fold(sse(first, second), SSE, completed=True)["candidates"]
    assert [item["content"]["parts"] for item in found] == [[{"text": "a"}], [{"text": "bB"}]]


def test_signature_closes_a_text():
    """A signature in an empty part belongs to the text before; text after it is another part."""
    folded = llm.fold(
        sse(*[gemini(candidate(item)) for item in (part("a"), part("", thoughtSignature="s"), part("b"))]),
        SSE,
        completed=True,
    )
    assert folded["candidates"][0]["content"]["parts"] == [{"text": "a", "thoughtSignature": "s"}, {"text": "b"}]


def test_citations():
    """Citations of all chunks are collected."""
    pieces = [gemini(candidate(part("a"), citationMetadata={"citationSources": [{"startIndex": n}]})) for n in (1, 2)]
    found = llm.fold(sse(*pieces), SSE, completed=True)["candidates"][0]
    assert found["citationMetadata"] == {"citationSources": [{"startIndex": 1}, {"startIndex": 2}]}


def test_blocked_prompt():
    """A prompt that was blocked has no candidates."""
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"totalTokenCount": 4}}
    assert llm.fold(sse(blocked), SSE, completed=True) == blocked


def test_error_in_the_middle():
    """An error stands beside what came."""
    folded = llm.fold(sse(GEMINI[2], {"error": {"code": 503, "status": "UNAVAILABLE"}}), SSE, completed=False)
    assert folded["error"] == {"code": 503, "status": "UNAVAILABLE"}
    assert folded["candidates"][0]["content"]["parts"] == [{"text": "Hello"}]
