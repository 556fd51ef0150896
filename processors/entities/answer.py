"""Answers a message with the entities in its payload."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from gecholog.llm import payload_text
from gecholog.message import Message, Response
from processors.entities.config import Config, Recognize

_MAX_ENTITIES = 1000  # per payload, because a record has to fit the bus


def answer(message: Message, config: Config) -> dict[str, Any]:
    """Return the field to write: `{"entities": [{"text", "label"}]}` in the order of the texts. Empty without text.

    Every mention is listed, up to 1,000. Raises FieldNotSent, and what the recogniser raises.
    """
    said = _said(message)
    if not said:
        return {}
    found = islice(_recognized(said, config.recognize), _MAX_ENTITIES)
    return {config.field: {"entities": [{"text": text, "label": label} for text, label in found]}}


def _said(message: Message) -> tuple[payload_text.PayloadText, ...]:
    if isinstance(message, Response):
        return payload_text.answered(payload_text.payload(message, "egress_payload", "inbound_payload"))
    return payload_text.asked(payload_text.payload(message, "outbound_payload", "ingress_payload"))


def _recognized(said: tuple[payload_text.PayloadText, ...], recognize: Recognize) -> Iterator[tuple[str, str]]:
    for item in said:
        for text, label in recognize(item.text):
            yield str(text), str(label)
