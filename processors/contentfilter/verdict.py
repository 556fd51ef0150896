"""Answers a message: the scores of its texts, and whether the call is blocked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from gecholog.errors import GechologError
from gecholog.llm import payload_text
from gecholog.message import Message, Response
from processors.contentfilter.config import Classify, Config


class TooMuchText(GechologError):
    """A message is too long to be classified."""


def answer(message: Message, config: Config) -> dict[str, Any]:
    """Return the fields to write: `content_filter` (label → score), `is_toxic`, and those that block a toxic call.

    A payload without text has no scores and is not toxic. Raises FieldNotSent, TooMuchText, and what the classifier
    raises.
    """
    classified = _texts_of(message, config.roles)
    if sum(map(len, classified)) > config.max_characters:
        # Classifying a part is not enough: the rest may be toxic.
        raise TooMuchText("the message is longer than MAX_CHARACTERS")
    found = scores(classified, config.classify)
    toxic = any(score > config.threshold for score in found.values())
    written = {"content_filter": found, "is_toxic": toxic}
    return written | _blocking_fields(found, config) if toxic else written


def _blocking_fields(found: dict[str, float], config: Config) -> dict[str, Any]:
    """Return the fields that answer a toxic call: as in the original, or with an error that SDKs raise.

    The error has the format of OpenAI's API (https://platform.openai.com/docs/guides/error-codes).
    """
    control: dict[str, Any] = {"is_toxic": True}
    if not config.is_error:
        return {"control": control}
    label = max(found, key=found.__getitem__)
    reason = f"{label} {found[label]:.4g} is above the threshold {config.threshold:g}"
    control["error"] = {
        "message": f"Blocked by the content filter: {reason}",
        "type": "invalid_request_error",
        "param": None,
        "code": "content_filter",
    }
    return {"control": control, "control_status_code": config.status}


def _texts_of(message: Message, roles: frozenset[str]) -> list[str]:
    """Return the texts to classify: those of `roles` in a request, or the assistant's in a response.

    In a payload of an unknown format, every string is classified, so that nothing slips through.
    """
    if isinstance(message, Response):
        answered = payload_text.answered(payload_text.payload(message, "inbound_payload", "egress_payload"))
        return list(payload_text.said_by(answered, payload_text.ASSISTANT))
    payload = payload_text.payload(message, "ingress_payload", "outbound_payload")
    known = payload_text.asked(payload)
    return list(payload_text.said_by(known, *roles)) if known else list(payload_text.strings(payload))


def scores(classified: Sequence[str], classify: Classify) -> dict[str, float]:
    """Return the highest score of each label. Empty without texts. Raises ValueError if a score is not a number."""
    return {str(label): _highest(given) for label, given in classify(classified).items()} if classified else {}


def _highest(given: Iterable[float]) -> float:
    """Return the highest score as a float (models may return numpy numbers).

    NaN or a missing score would not be above any threshold, and must not count as low.
    """
    numbers = [float(score) for score in given]
    if not numbers or any(map(math.isnan, numbers)):
        raise ValueError("the classifier returned no score, or NaN")
    return max(numbers)
