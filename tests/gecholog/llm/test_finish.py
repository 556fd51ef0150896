from typing import Any

import pytest

from gecholog.llm.chat import FinishReason
from gecholog.llm.finish import Finish, read_finish

WORDS = {"end": FinishReason.STOP, "cut": FinishReason.LENGTH, "bad": FinishReason.FAILED, 3: FinishReason.FAILED}


@pytest.mark.parametrize(
    ("told", "finish"),
    [
        ("end", Finish(FinishReason.STOP)),
        ("cut", Finish(FinishReason.LENGTH)),
        ("bad", Finish(FinishReason.FAILED, "bad")),
        (3, Finish(FinishReason.FAILED, "3")),
        ("new", Finish(FinishReason.OTHER, "new")),
        ({"odd": 1}, Finish(FinishReason.OTHER)),
        ("", Finish()),
        (None, Finish()),
    ],
)
def test_words(told: Any, finish: Finish) -> None:
    assert read_finish(WORDS, told) == finish


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("end", FinishReason.TOOL_CALLS),
        ("new", FinishReason.TOOL_CALLS),
        (None, FinishReason.TOOL_CALLS),
        ("cut", FinishReason.LENGTH),
        ("bad", FinishReason.FAILED),
    ],
)
def test_an_end_with_calls_is_for_the_calls_unless_something_went_wrong(told: Any, reason: FinishReason) -> None:
    assert read_finish(WORDS, told, has_calls=True).reason is reason


def test_a_refusal_is_told_by_what_is_in_the_answer() -> None:
    assert read_finish(WORDS, "end", has_refusal=True).reason is FinishReason.REFUSAL
    assert read_finish(WORDS, "end", has_calls=True, has_refusal=True).reason is FinishReason.TOOL_CALLS
