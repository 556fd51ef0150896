"""What contentfilter answers to a message: the scores of its texts, and whether the call is stopped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from gecholog.errors import GechologError
from gecholog.llm import payload_text
from gecholog.message import Message, Response
from processors.contentfilter.config import Classify, Config


class TooMuchText(GechologError):
    """A message with more text than is classified."""


def answer(message: Message, config: Config) -> dict[str, Any]:
    """The fields to write: `content_filter` (label → score), `is_toxic`, and if it is, those that stop the call.

    A payload without words has no scores and is not toxic. Raises FieldNotSent, TooMuchText, and what the classifier
    raises.
    """
    classified = _classified(message, config.roles)
    if sum(map(len, classified)) > config.max_characters:
        # Part of it would be no answer: what is toxic may stand in the rest.
        raise TooMuchText("the message is longer than MAX_CHARACTERS")
    found = scores(classified, config.classify)
    toxic = any(score > config.threshold for score in found.values())
    written = {"content_filter": found, "is_toxic": toxic}
    return written | _stopped(found, config) if toxic else written


def _stopped(found: dict[str, float], config: Config) -> dict[str, Any]:
    """The fields that make gl answer in the target's place: as the original, or with an error as SDKs know it.

    The error is that of OpenAI's API (https://platform.openai.com/docs/guides/error-codes).
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


def _classified(message: Message, roles: frozenset[str]) -> list[str]:
    """The texts that count: of a request those of `roles`, of an answer the assistant's.

    A payload of an unknown form must not slip by: each of its strings counts.
    """
    if isinstance(message, Response):
        answered = payload_text.answered(payload_text.payload(message, "inbound_payload", "egress_payload"))
        return list(payload_text.said_by(answered, payload_text.ASSISTANT))
    payload = payload_text.payload(message, "ingress_payload", "outbound_payload")
    known = payload_text.asked(payload)
    return list(payload_text.said_by(known, *roles)) if known else list(payload_text.strings(payload))


def scores(classified: Sequence[str], classify: Classify) -> dict[str, float]:
    """Of each label the highest score; none without texts. Raises ValueError for a score that is no number."""
    return {str(label): _highest(given) for label, given in classify(classified).items()} if classified else {}


def _highest(given: Iterable[float]) -> float:
    """The highest of the scores, as a plain number (models give those of numpy).

    NaN is above no threshold, and so is what is not there: neither must pass for low.
    """
    numbers = [float(score) for score in given]
    if not numbers or any(map(math.isnan, numbers)):
        raise ValueError("the classifier returned no score, or NaN")
    return max(numbers)
