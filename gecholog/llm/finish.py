"""Why an answer ended, by the words of its API. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gecholog.llm.chat import FinishReason

_ROUGH = frozenset({FinishReason.CONTENT_FILTER, FinishReason.FAILED, FinishReason.OTHER})
_QUIET = frozenset({FinishReason.STOP, FinishReason.OTHER})


class Finish(NamedTuple):
    """The reason, and the API's own word where the reason tells only roughly what it says, else an empty text."""

    reason: FinishReason | None = None
    native: str = ""


def read_finish(
    words: Mapping[Any, FinishReason], told: Any, *, has_calls: bool = False, has_refusal: bool = False
) -> Finish:
    """Why an answer ended, by the word `told` and the table of an API.

    None or an empty word: the provider did not say. `has_calls`, `has_refusal`: what is in the answer, of which many
    APIs say that the model ended its turn.
    """
    reason = None if told in (None, "") else FinishReason.OTHER
    if isinstance(told, str | int) and told != "":
        reason = words.get(told, FinishReason.OTHER)
    if reason is None or reason in _QUIET:
        if has_calls:
            return Finish(FinishReason.TOOL_CALLS)
        if has_refusal:
            return Finish(FinishReason.REFUSAL)
    is_told = reason not in _ROUGH or told == reason or not isinstance(told, str | int)
    return Finish(reason, "" if is_told else str(told))
