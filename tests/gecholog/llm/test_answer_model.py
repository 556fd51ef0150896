"""The model that an answer names: the same, whether the answer is decoded or searched."""

import json

import pytest

from gecholog import llm
from tests.gecholog.llm.samples import ANTHROPIC, SSE, chunk, sse, sse_named

ANSWERS = {
    "chat": ({"model": "gpt-4o", "choices": []}, "gpt-4o"),
    "Gemini": ({"modelVersion": "gemini-2.5-flash", "candidates": []}, "gemini-2.5-flash"),
    "none": ({"output": {}}, ""),
    "empty": ({"model": "", "modelVersion": "m"}, "m"),
    "no text": ({"model": 5}, ""),
    "escaped": ({"model": "m\u00e9\n"}, "m\u00e9\n"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers(name):
    answer, model = ANSWERS[name]
    assert llm.model_of(answer) == model
    assert llm.search_body(json.dumps(answer).encode()).model == model


def test_streams():
    body = sse(chunk({"content": "a"}) | {"model": "gpt-4o"}, done=True)
    assert llm.model_of(llm.fold(body, SSE, completed=True)) == "gpt-4o"
    assert llm.model_of(llm.fold(sse_named(*ANTHROPIC), SSE, completed=True)) == ANTHROPIC[0]["message"]["model"]
