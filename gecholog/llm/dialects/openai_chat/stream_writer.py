"""Writes a stream of chunks (https://platform.openai.com/docs/api-reference/chat-streaming)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gecholog.llm import json_text
from gecholog.llm.chat import Reasoning
from gecholog.llm.chat_dialect import ReplyContext
from gecholog.llm.deltas import (
    ArgumentsDelta,
    Delta,
    Failed,
    Finished,
    ImageSeen,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallStarted,
    UsageSeen,
)
from gecholog.llm.dialects.openai_chat import message_parts, signed
from gecholog.llm.dialects.openai_chat.finish_reasons import NATIVE, write_reason
from gecholog.llm.dialects.openai_chat.legacy import FINISH, wants_functions
from gecholog.llm.dialects.openai_chat.usage_writer import write_usage
from gecholog.llm.dialects.openai_errors import write_error
from gecholog.llm.usage import Usage

_DONE = b"data: [DONE]\n\n"


class _Choice:
    """What has gone out of one choice."""

    __slots__ = ("calls", "empty_calls", "has_refusal", "length", "part", "part_start", "thought")

    def __init__(self) -> None:
        self.calls = 0
        self.empty_calls: set[int] = set()  # whose arguments have not come
        self.has_refusal = False
        self.thought: list[str] = []  # of the part of the reasoning that is not signed yet
        self.length = 0  # of the text, in characters
        self.part = 0
        self.part_start = 0  # where the part began, in characters of the whole text


class StreamWriter:
    """Makes chunks of deltas: the role comes first, the usage last and only where the client asked for it."""

    __slots__ = ("_choices", "_context", "_head", "_tail", "_usage")

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._choices: dict[int, _Choice] = {}
        self._head = b""  # of every chunk, up to its choices
        self._tail = b',"usage":null}\n\n' if context.request.wants_usage else b"}\n\n"
        self._usage: Usage | None = None

    def write(self, delta: Delta) -> bytes:
        """The chunks of the next delta."""
        return _WRITERS[type(delta)](self, delta)

    def end(self) -> bytes:
        """The end of the stream."""
        return self._usage_chunk() + _DONE

    # ------------------------------------------------------------------ chunks

    def _start(self, identity: str, model: str) -> None:
        fields = {
            "id": identity or f"chatcmpl-{self._context.id}",
            "object": "chat.completion.chunk",
            "created": self._context.created,
            "model": model or self._context.model,
        }
        self._head = b"data: " + json_text.dumps(fields)[:-1] + b',"choices":['

    def _choice(self, index: int) -> tuple[bytes, _Choice]:
        """The chunk that has to go before, and the choice."""
        choice = self._choices.get(index)
        if choice is not None:
            return b"", choice
        choice = self._choices[index] = _Choice()
        return self._chunk(index, b'{"role":"assistant","content":"","refusal":null}'), choice

    def _chunk(self, index: int, delta: bytes, reason: bytes = b"null") -> bytes:
        """A chunk. `reason` is the JSON text of the reason for the end, and may have other members behind it."""
        if not self._head:
            self._start("", "")
        return (
            b'%s{"index":%d,"delta":%s,"logprobs":null,"finish_reason":%s}]' % (self._head, index, delta, reason)
            + self._tail
        )

    def _usage_chunk(self) -> bytes:
        if self._usage is None or not self._context.request.wants_usage:
            return b""
        if not self._head:
            self._start("", "")
        return self._head + b'],"usage":' + json_text.dumps(write_usage(self._usage)) + b"}\n\n"

    def _delta(self, index: int, fields: dict[str, Any]) -> bytes:
        before, _ = self._choice(index)
        return before + self._chunk(index, json_text.dumps(fields))

    # ------------------------------------------------------------------ one function for each delta

    def _started(self, delta: Started) -> bytes:
        self._start(delta.id, delta.model)
        return self._choice(0)[0]

    def _text(self, delta: TextDelta) -> bytes:
        before, choice = self._choice(delta.choice)
        if delta.part != choice.part:
            choice.part, choice.part_start = delta.part, choice.length
        choice.length += len(delta.text)
        if not delta.citations:
            return before + self._chunk(delta.choice, b'{"content":' + json_text.dumps(delta.text) + b"}")
        fields: dict[str, Any] = {"content": delta.text} if delta.text else {}
        start, length = choice.part_start, choice.length - choice.part_start
        fields["annotations"] = [message_parts.annotation(citation, start, length) for citation in delta.citations]
        return before + self._chunk(delta.choice, json_text.dumps(fields))

    def _refusal(self, delta: RefusalDelta) -> bytes:
        before, choice = self._choice(delta.choice)
        choice.has_refusal = True
        return before + self._chunk(delta.choice, b'{"refusal":' + json_text.dumps(delta.text) + b"}")

    def _image(self, delta: ImageSeen) -> bytes:
        return self._delta(delta.choice, {"images": [message_parts.image(delta.image)]})

    def _reasoning(self, delta: ReasoningDelta) -> bytes:
        """The text as it comes; the block, whole, with its signature."""
        before, choice = self._choice(delta.choice)
        if not (delta.signature or delta.id or delta.is_redacted):
            choice.thought.append(delta.text)
            return before + self._chunk(delta.choice, b'{"reasoning_content":' + json_text.dumps(delta.text) + b"}")
        fields: dict[str, Any] = {"reasoning_content": delta.text} if delta.text else {}
        text = "" if delta.is_redacted else "".join(choice.thought) + delta.text
        if not delta.is_redacted:
            choice.thought.clear()
        block = signed.write_block(Reasoning(text, delta.signature, delta.origin, delta.id, delta.is_redacted))
        return before + self._chunk(delta.choice, json_text.dumps(fields | {"thinking_blocks": [block]}))

    def _tool_call(self, delta: ToolCallStarted) -> bytes:
        before, choice = self._choice(delta.choice)
        if self._is_left_out(delta.index):
            return before
        choice.calls += 1
        choice.empty_calls.add(delta.index)
        if wants_functions(self._context):
            fields = {"function_call": {"name": delta.name, "arguments": ""}}
            return before + self._chunk(delta.choice, json_text.dumps(fields))
        call: dict[str, Any] = {
            "index": delta.index,
            "id": delta.id or f"call_{self._context.id}_{delta.choice}_{delta.index}",
            "type": "function",
            "function": {"name": delta.name, "arguments": ""},
        }
        if delta.signature:
            call["extra_content"] = signed.extra_content(delta.signature, delta.origin)
        return before + self._chunk(delta.choice, json_text.dumps({"tool_calls": [call]}))

    def _arguments(self, delta: ArgumentsDelta) -> bytes:
        before, choice = self._choice(delta.choice)
        if not delta.text or self._is_left_out(delta.index):
            return before
        choice.empty_calls.discard(delta.index)
        return before + self._chunk(delta.choice, self._piece_of_arguments(delta.index, json_text.dumps(delta.text)))

    def _usage_seen(self, delta: UsageSeen) -> bytes:
        self._usage = delta.usage
        return b""

    def _finished(self, delta: Finished) -> bytes:
        """Calls without arguments get an empty object: clients read them as JSON."""
        before, choice = self._choice(delta.choice)
        for index in sorted(choice.empty_calls):
            before += self._chunk(delta.choice, self._piece_of_arguments(index, b'"{}"'))
        reason = write_reason(delta.reason, has_calls=choice.calls > 0, has_refusal=choice.has_refusal)
        if reason == "tool_calls" and wants_functions(self._context):
            reason = FINISH
        told = b'"%s"' % reason.encode()
        if delta.native_reason:
            told += b',"%s":%s' % (NATIVE.encode(), json_text.dumps(delta.native_reason))
        return before + self._chunk(delta.choice, b"{}", told)

    def _failed(self, delta: Failed) -> bytes:
        return b"data: " + json_text.dumps(write_error(delta.error)) + b"\n\n"

    # ------------------------------------------------------------------ calls, also in their old form

    def _is_left_out(self, index: int) -> bool:
        """The old form has one call only."""
        return index > 0 and wants_functions(self._context)

    def _piece_of_arguments(self, index: int, text: bytes) -> bytes:
        if wants_functions(self._context):
            return b'{"function_call":{"arguments":%s}}' % text
        return b'{"tool_calls":[{"index":%d,"function":{"arguments":%s}}]}' % (index, text)


_WRITERS: dict[type, Callable[[StreamWriter, Any], bytes]] = {
    Started: StreamWriter._started,  # noqa: SLF001 - its own
    TextDelta: StreamWriter._text,  # noqa: SLF001 - as above
    RefusalDelta: StreamWriter._refusal,  # noqa: SLF001 - as above
    ImageSeen: StreamWriter._image,  # noqa: SLF001 - as above
    ReasoningDelta: StreamWriter._reasoning,  # noqa: SLF001 - as above
    ToolCallStarted: StreamWriter._tool_call,  # noqa: SLF001 - as above
    ArgumentsDelta: StreamWriter._arguments,  # noqa: SLF001 - as above
    UsageSeen: StreamWriter._usage_seen,  # noqa: SLF001 - as above
    Finished: StreamWriter._finished,  # noqa: SLF001 - as above
    Failed: StreamWriter._failed,  # noqa: SLF001 - as above
}
