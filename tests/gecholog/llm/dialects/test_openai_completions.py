"""Streams of OpenAI's legacy completions."""

from openai.types import Completion

from gecholog import llm
from tests.gecholog.llm.samples import COMPLETIONS, SSE, USAGE, sse


def test_text():
    """Texts are joined, and the client's model takes the answer."""
    folded = llm.fold(sse(*COMPLETIONS, {**COMPLETIONS[0], "choices": [], "usage": USAGE}), SSE, completed=True)
    assert folded["object"] == "text_completion"
    assert folded["choices"] == [
        {"index": 0, "text": "Once upon a time", "logprobs": None, "finish_reason": "length"},
    ]
    assert folded["usage"] == USAGE
    Completion.model_validate(folded)


def test_azure_begins_with_filter_results():
    """The chunk without choices that comes first does not make it a chat."""
    first = {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": [{"x": 1}]}
    folded = llm.fold(sse(first, *COMPLETIONS), SSE, completed=True)
    assert folded["object"] == "text_completion"
    assert folded["choices"][0]["text"] == "Once upon a time"


def test_logprobs():
    """The lists of log probabilities grow in step."""
    pieces = [
        {
            "object": "text_completion",
            "choices": [
                {"index": 0, "text": t, "logprobs": {"tokens": [t], "token_logprobs": [-1.5], "text_offset": [n]}}
            ],
        }
        for n, t in enumerate("ab")
    ]
    assert llm.fold(sse(*pieces), SSE, completed=True)["choices"][0]["logprobs"] == {
        "tokens": ["a", "b"],
        "token_logprobs": [-1.5, -1.5],
        "text_offset": [0, 1],
    }
