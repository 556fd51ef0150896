"""Turns of a conversation, for APIs in which user and model take turns. Pure."""

from __future__ import annotations

from typing import NamedTuple

from gecholog.llm.chat import Message, Part, Role, Text, ToolResult
from gecholog.llm.errors import UnsupportedParameterError


class Turn(NamedTuple):
    """What one side says before the other one does; `results` are of tools, and come first."""

    role: Role
    results: tuple[ToolResult, ...]
    parts: tuple[Part, ...]


def turns_of(messages: tuple[Message, ...]) -> list[Turn]:
    """The turns of a conversation: messages of one role after the other are one turn. System messages are left out."""
    turns: list[tuple[Role, list[Part]]] = []
    for message in messages:
        if message.role is Role.SYSTEM:
            continue
        if turns and turns[-1][0] is message.role:
            turns[-1][1].extend(message.parts)
        else:
            turns.append((message.role, list(message.parts)))
    return [_turn(role, parts) for role, parts in turns]


def _turn(role: Role, parts: list[Part]) -> Turn:
    results = tuple(part for part in parts if isinstance(part, ToolResult))
    return Turn(role, results, tuple(part for part in parts if not isinstance(part, ToolResult)))


def system_texts(messages: tuple[Message, ...]) -> list[Text]:
    """The system texts of a conversation, wherever they stand, without empty ones.

    Raises UnsupportedParameterError if a system message has anything but texts.
    """
    parts = [part for message in messages if message.role is Role.SYSTEM for part in message.parts]
    texts = [part for part in parts if isinstance(part, Text)]
    if len(texts) < len(parts):
        raise UnsupportedParameterError("messages", "a system message may have only texts for this provider")
    return [text for text in texts if text.text]
