from typing import Any

import pytest

from gecholog.llm.unread import Unread

KNOWN = frozenset({"type", "text"})


def test_members_that_are_not_known_are_hints_by_their_owner() -> None:
    unread = Unread()
    unread.note({"type": "text", "text": "x", "seed": 1}, KNOWN, "text")
    unread.note({"type": "text", "odd": False}, KNOWN, "messages")
    assert unread.hints == {"text.seed": 1, "messages.odd": False}
    assert unread.required == {}


@pytest.mark.parametrize("value", [None, "", [], {}])
def test_what_says_nothing_is_not_noted(value: Any) -> None:
    unread = Unread()
    unread.note({"type": "text", "odd": value}, KNOWN, "text")
    assert unread.hints == {}
