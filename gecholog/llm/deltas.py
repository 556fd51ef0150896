"""The neutral form of a streamed answer: what its events say, one after the other. Pure values.

A stream is `Started`, then pieces of parts in their order, then for each choice `Finished`, with `UsageSeen` anywhere
(the last one counts), or `Failed` and nothing after it. Pieces of two parts never interleave within a choice, except
that those of several tool calls may: `index` tells them apart. `choice` is 0 unless several answers were asked for.
"""

from __future__ import annotations

from msgspec import Struct

from gecholog.llm.chat import Citation, FinishReason, Image
from gecholog.llm.errors import ErrorInfo
from gecholog.llm.usage import Usage


class Started(Struct, frozen=True, tag="started"):
    """The answer begins. `id` and `model` are the provider's, empty if it names none."""

    id: str = ""
    model: str = ""


class TextDelta(Struct, frozen=True, tag="text"):
    """A piece of the text. `part` changes where a new text part begins."""

    text: str
    choice: int = 0
    part: int = 0
    citations: tuple[Citation, ...] = ()


class RefusalDelta(Struct, frozen=True, tag="refusal"):
    """A piece of a refusal."""

    text: str
    choice: int = 0


class ImageSeen(Struct, frozen=True, tag="image"):
    """An image, whole."""

    image: Image
    choice: int = 0


class ReasoningDelta(Struct, frozen=True, tag="reasoning"):
    """A piece of the reasoning, or its signature, which ends this part of it (see `chat.Reasoning`)."""

    text: str = ""
    signature: str = ""
    origin: str = ""
    id: str = ""
    is_redacted: bool = False
    choice: int = 0


class ToolCallStarted(Struct, frozen=True, tag="tool_call"):
    """A tool call begins. `index` counts the calls of a choice from 0."""

    index: int
    id: str
    name: str
    signature: str = ""
    origin: str = ""
    choice: int = 0


class ArgumentsDelta(Struct, frozen=True, tag="arguments"):
    """A piece of the JSON text of a call's arguments."""

    index: int
    text: str
    choice: int = 0


class UsageSeen(Struct, frozen=True, tag="usage"):
    """The tokens so far; a later one replaces it."""

    usage: Usage


class Finished(Struct, frozen=True, tag="finished"):
    """A choice is complete (see `chat.Choice`)."""

    reason: FinishReason | None
    stop_sequence: str = ""
    choice: int = 0
    native_reason: str = ""


class Failed(Struct, frozen=True, tag="failed"):
    """The provider reports an error in place of the rest."""

    error: ErrorInfo


Delta = (
    Started
    | TextDelta
    | RefusalDelta
    | ImageSeen
    | ReasoningDelta
    | ToolCallStarted
    | ArgumentsDelta
    | UsageSeen
    | Finished
    | Failed
)
