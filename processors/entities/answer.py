"""What entities answers to a message: what its payload names."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from gecholog.llm import payload_text
from gecholog.message import Message, Response
from processors.entities.config import Config, Find

_MOST = 1000  # entities of one payload: a record has to fit the bus


def answer(message: Message, config: Config) -> dict[str, Any]:
    """The field to write: `{"entities": [{"text", "label"}]}`, in the order of the texts; nothing without words.

    Each mention counts, up to 1,000. Raises FieldNotSent, and what the finder raises.
    """
    said = _said(message)
    if not said:
        return {}
    found = islice(_found(said, config.find), _MOST)
    return {config.field: {"entities": [{"text": text, "label": label} for text, label in found]}}


def _said(message: Message) -> tuple[payload_text.Text, ...]:
    if isinstance(message, Response):
        return payload_text.answered(payload_text.payload(message, "egress_payload", "inbound_payload"))
    return payload_text.asked(payload_text.payload(message, "outbound_payload", "ingress_payload"))


def _found(said: tuple[payload_text.Text, ...], find: Find) -> Iterator[tuple[str, str]]:
    for item in said:
        for text, label in find(item.text):
            yield str(text), str(label)
