"""The usage of an answer that reports none, estimated from texts."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.llm import tokenizer
from gecholog.llm.tokenizer import count_pieces, counter
from gecholog.llm.usage import Usage
from gecholog.llm.usage_estimate import estimate_usage

ASKED = {"model": "m", "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}]}
CHAT = {"choices": [{"message": {"role": "assistant", "content": "Hello there"}}]}


def words(texts):
    return sum(len(text.split()) for text in texts)


@pytest.mark.parametrize(
    ("answer", "completion"),
    [
        (CHAT, 2),
        ({"content": [{"type": "thinking", "thinking": "A b c"}, {"type": "text", "text": "Hello there"}]}, 5),
        ({"candidates": [{"content": {"parts": [{"text": "Hello"}]}}]}, 1),
    ],
)
def test_estimate(answer, completion):
    """Texts of both sides count, and a few tokens around each message of the prompt."""
    prompt = 3 + 2 * 4
    assert estimate_usage(ASKED, answer, words) == Usage("estimated", prompt, completion, prompt + completion)


@pytest.mark.parametrize("answer", [{}, {"object": "list", "data": []}, {"input_tokens": 7}, [], 5, None])
def test_no_text(answer):
    """An answer without text was not generated, or is not known: nothing is estimated."""
    assert estimate_usage(ASKED, answer, words) is None


def test_counters(monkeypatch):
    """With the vocabulary the numbers are exact, without it the pieces are counted."""
    counter.cache_clear()
    assert counter()(["hello world", "how many tokens?"]) == 6  # o200k: 2 and 4
    assert counter()(["\ud800"]) > 0
    counter.cache_clear()
    monkeypatch.setitem(sys.modules, "toktok", None)
    assert tokenizer.counter() is count_pieces
    counter.cache_clear()


@given(st.lists(st.text()))
def test_any_text(texts):
    assert count_pieces(texts) >= 0
    assert counter()(texts) >= 0
