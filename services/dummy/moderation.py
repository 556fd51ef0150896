"""`/v1/moderations`: nothing is ever flagged, unless the text has the word `flag`."""

from __future__ import annotations

from itertools import count
from typing import Any

from services.dummy import fields, reply, text_input
from services.dummy.fields import JsonBody
from services.dummy.reply import Reply

_CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
_FLAGGED = "harassment"
_numbers = count(1)


def answer(body: JsonBody) -> Reply:
    """The verdicts on texts. Raises ApiError."""
    model = body.get("model") or "dummy"
    results = [_verdict("flag" in text.lower().split()) for text in text_input.of(body, "input")]
    if not isinstance(model, str):
        raise fields.wrong("model", "a string")
    return reply.json_reply({"id": f"modr-{next(_numbers)}", "model": model, "results": results})


def _verdict(is_flagged: bool) -> dict[str, Any]:  # noqa: FBT001 - the only thing to know
    found = {name: is_flagged and name == _FLAGGED for name in _CATEGORIES}
    return {
        "flagged": is_flagged,
        "categories": found,
        "category_scores": {name: float(flagged) for name, flagged in found.items()},
        "category_applied_input_types": {name: ["text"] if flagged else [] for name, flagged in found.items()},
    }
