"""Answers a message with the number of tokens in its payload."""

from __future__ import annotations

from typing import Any

from gecholog.llm import payload_text
from gecholog.message import Message, Response
from processors.tokenizer.config import Config


def answer(message: Message, config: Config) -> dict[str, Any]:
    """Return the field to write: `tokenizer`, which maps the name of the tokenizer to the number of tokens.

    Empty for a payload without text. Raises FieldNotSent, and what the tokenizer raises.
    """
    said = _said(message)
    return {"tokenizer": {config.name: sum(int(config.count(item.text)) for item in said)}} if said else {}


def _said(message: Message) -> tuple[payload_text.PayloadText, ...]:
    if isinstance(message, Response):
        return payload_text.answered(payload_text.payload(message, "inbound_payload", "egress_payload"))
    return payload_text.asked(payload_text.payload(message, "ingress_payload", "outbound_payload"))
