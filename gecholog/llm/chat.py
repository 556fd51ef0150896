"""The neutral form of a chat: what a request asks for and what an answer says, in no API's own words. Pure values.

A dialect reads its own requests and answers into this form and writes them from it; it knows no other dialect. What
one API can say and this form cannot is not lost silently: a reader puts a field that changes the answer into
`required`, and one that is only a hint into `hints`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct

from gecholog.llm.usage import Usage


class Role(StrEnum):
    """Who speaks. Results of tools are parts of messages of the user."""

    SYSTEM = "system"  # developer messages too
    USER = "user"
    ASSISTANT = "assistant"


class FinishReason(StrEnum):
    """Why an answer ends."""

    STOP = "stop"  # the model was done, or met a stop sequence
    LENGTH = "length"  # a limit of tokens, or the end of the context window
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"  # the provider held something back
    REFUSAL = "refusal"  # the model declined
    FAILED = "failed"  # the model or its server failed: a call that could not be read, for example
    OTHER = "other"  # the provider has a word for it that is not known


# ------------------------------------------------------------------ parts of messages


class Citation(Struct, frozen=True):
    """A source of a text: its URL (empty if it has none), its title, and the words of it that are cited.

    `start` and `end` are the characters of the text that it belongs to; None: all of it.
    """

    url: str = ""
    title: str = ""
    cited_text: str = ""
    start: int | None = None
    end: int | None = None


class Text(Struct, frozen=True, tag="text"):
    """A text. `cache_control` is Anthropic's mark for prompt caching, as it was sent."""

    text: str
    cache_control: dict[str, Any] | None = None
    citations: tuple[Citation, ...] = ()


class Refusal(Struct, frozen=True, tag="refusal"):
    """What the model says in place of an answer."""

    text: str


class Image(Struct, frozen=True, tag="image"):
    """An image: its bytes in base64 with their media type, else its URL, else the id of a file at the provider."""

    data: str = ""
    media_type: str = ""
    url: str = ""
    file_id: str = ""
    detail: str = ""  # OpenAI's `low`, `high`, `auto`
    cache_control: dict[str, Any] | None = None


class Audio(Struct, frozen=True, tag="audio"):
    """Sound, in base64. `media_type` is `audio/wav`, `audio/mpeg` and so on."""

    data: str
    media_type: str


class File(Struct, frozen=True, tag="file"):
    """A document: bytes in base64, a text, a URL, or the id of a file that a provider keeps.

    `context` tells the model about the document. `is_cited`: the answer is to cite it.
    """

    data: str = ""
    text: str = ""
    url: str = ""
    file_id: str = ""
    media_type: str = ""
    name: str = ""
    context: str = ""
    is_cited: bool = False
    cache_control: dict[str, Any] | None = None


class Reasoning(Struct, frozen=True, tag="reasoning"):
    """What the model thought before it answered.

    `signature` is the proof that its provider asks for on the next turn. `origin` is the dialect of that provider, by
    its name: another one cannot use it. `is_redacted`: there is no text, and the signature holds all of it.
    """

    text: str = ""
    signature: str = ""
    origin: str = ""
    id: str = ""
    is_redacted: bool = False


class ToolCall(Struct, frozen=True, tag="tool_call"):
    """A call of a tool by the model. `arguments` is JSON text, usually of an object, exactly as the model wrote it.

    `signature` and `origin` as with `Reasoning`: Gemini signs calls.
    """

    id: str
    name: str
    arguments: str
    signature: str = ""
    origin: str = ""
    cache_control: dict[str, Any] | None = None


class ToolResult(Struct, frozen=True, tag="tool_result"):
    """The result of the tool call `call_id`. `name` is the name of the tool, empty if it is unknown."""

    call_id: str
    parts: tuple[Text | Image | File, ...] = ()
    name: str = ""
    is_error: bool = False
    cache_control: dict[str, Any] | None = None


Part = Text | Refusal | Image | Audio | File | Reasoning | ToolCall | ToolResult


class Message(Struct, frozen=True):
    """One turn. System messages may stand anywhere, as they did in the request."""

    role: Role
    parts: tuple[Part, ...]
    name: str = ""


# ------------------------------------------------------------------ what else a request says


class Tool(Struct, frozen=True):
    """A function that the model may call. `parameters` is its JSON Schema; None is a function without parameters."""

    name: str
    description: str = ""
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    cache_control: dict[str, Any] | None = None


class ToolMode(StrEnum):
    """What the model may or must do with the tools."""

    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"  # some tool
    NAMED = "named"  # this tool


class ToolChoice(Struct, frozen=True):
    """Which tool to call. `names`: one name with `NAMED`; else the tools to choose from, empty for all."""

    mode: ToolMode
    names: tuple[str, ...] = ()


class ResponseFormat(Struct, frozen=True):
    """The answer is to be JSON: of this JSON Schema, or, if it is None, any object."""

    schema: dict[str, Any] | None = None
    name: str = ""
    description: str = ""
    strict: bool | None = None


class ReasoningConfig(Struct, frozen=True):
    """How much the model should think.

    `is_on` True or False: the client asked for it, or for none; None: it did not say, and a provider that has it on by
    default leaves it on. `effort` is `minimal`, `low`, `medium`, `high` or another word of a provider;
    `budget` a number of tokens, -1 for as many as the model likes. `shows_text`: the client wants to read it.
    """

    is_on: bool | None = None
    effort: str | None = None
    budget: int | None = None
    shows_text: bool | None = None


class ChatRequest(Struct, frozen=True):
    """A request, complete. None is what the client did not say.

    `hints` are fields by OpenAI's names that may be left out with a notice where a provider has none (`seed`,
    `logit_bias`, `presence_penalty`, `frequency_penalty`, `user`, `metadata`, `service_tier`, `store`, ...).
    `required` are fields, by the client's own names, that change what the answer is and have no place in this form
    (`logprobs`, `audio`, a provider's own tool, ...): a dialect that cannot express one by that name refuses it.
    `reply_style` is set by a request reader for the response writers of the same dialect, for clients that need an
    older response format; nothing else reads it.
    """

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning: ReasoningConfig | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    n: int | None = None
    is_streamed: bool = False
    wants_usage: bool = False  # of a stream; a whole answer always has it
    hints: dict[str, Any] = {}
    required: dict[str, Any] = {}
    reply_style: str = ""


# ------------------------------------------------------------------ answers


class Choice(Struct, frozen=True):
    """One answer to the request. `finish_reason` None: the provider did not say."""

    parts: tuple[Part, ...] = ()
    finish_reason: FinishReason | None = None
    stop_sequence: str = ""  # the one that the model met
    native_reason: str = ""  # the provider's word for it, where the reason is not all that it says


class ChatResponse(Struct, frozen=True):
    """A whole answer. `id` and `model` are the provider's, empty if it names none."""

    choices: tuple[Choice, ...]
    id: str = ""
    model: str = ""
    created: int | None = None  # seconds since 1970
    usage: Usage | None = None
    service_tier: str = ""
