"""Writes the messages of a request."""

from __future__ import annotations

import hashlib
from typing import Any

from msgspec.structs import replace

from gecholog.llm.chat import Audio, File, Image, Message, Part, Reasoning, Refusal, Role, Text, ToolCall, ToolResult
from gecholog.llm.chat_dialect import Target
from gecholog.llm.dialects.openai_chat import signed
from gecholog.llm.dialects.openai_chat.variants import Variant
from gecholog.llm.documents import titled_text, with_contexts_as_texts
from gecholog.llm.errors import UnsupportedParameterError
from gecholog.llm.tool_failure import failure_text

Json = dict[str, Any]

_AUDIO_FORMATS = {
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
}


class MessageWriter:
    """Writes messages in their order. `drops_cache_control` tells whether one of them had a mark that is not sent."""

    __slots__ = ("_carried", "_target", "_variant", "drops_cache_control")

    def __init__(self, target: Target, variant: Variant) -> None:
        self._target = target
        self._variant = variant
        self._carried: list[Part] = []  # images of results
        self.drops_cache_control = False

    def write(self, messages: tuple[Message, ...]) -> list[Json]:
        """The messages. Raises UnsupportedParameterError."""
        found: list[Json] = []
        for message in messages:
            if message.role is Role.USER:
                found += self._results(message)
                if all(isinstance(part, ToolResult) for part in message.parts) and message.parts:
                    continue  # others may follow: they must stand together
            found += self._carried_images()
            found.append(self._assistant(message) if message.role is Role.ASSISTANT else self._said(message))
        found += self._carried_images()
        if found and found[-1]["role"] == "assistant" and self._target.profile == "mistral":
            found[-1]["prefix"] = True  # the answer goes on where this one ends; others do so unasked
        return found

    # ------------------------------------------------------------------ system and user

    def _said(self, message: Message) -> Json:
        """A message of the user, without results of tools, or of the system."""
        parts = [part for part in message.parts if not isinstance(part, ToolResult)]
        written: Json = {"role": message.role.value, "content": self._content(parts)}
        if message.name:
            written["name"] = message.name
        return written

    def _results(self, message: Message) -> list[Json]:
        """The results of tools, each a message of its own. Images in them, which these cannot hold, come later."""
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        for result in results:
            self._carried += [part for part in result.parts if not isinstance(part, Text)]
        return [self._result(result) for result in results]

    def _carried_images(self) -> list[Json]:
        """The images of the results before, as a message of the user."""
        parts, self._carried = self._carried, []
        return [{"role": "user", "content": self._content(parts)}] if parts else []

    def _result(self, result: ToolResult) -> Json:
        """A failure is told in the content: the message has no field for it."""
        texts = [part for part in result.parts if isinstance(part, Text)]
        if result.is_error:
            texts = [Text(failure_text("".join(text.text for text in texts)))]
        if result.cache_control is not None:  # only texts in a result may be marked
            last = texts.pop() if texts else Text("")
            texts.append(replace(last, cache_control=last.cache_control or result.cache_control))
        content = self._content(texts)
        return {"role": "tool", "tool_call_id": self._call_id(result.call_id), "content": content}

    def _content(self, parts: list[Any]) -> Any:
        """A single text as a string, all else as a list."""
        if not parts:
            return ""
        if len(parts) == 1 and isinstance(parts[0], Text) and not self._keeps(parts[0].cache_control):
            return parts[0].text
        return [self._part(part) for part in with_contexts_as_texts(parts)]

    def _part(self, part: Part) -> Json:
        match part:
            case Text():
                return self._marked({"type": "text", "text": part.text}, part.cache_control)
            case Image():
                return self._marked({"type": "image_url", "image_url": _image(part)}, part.cache_control)
            case Audio():
                return {"type": "input_audio", "input_audio": _audio(part)}
            case File() if part.text:
                return self._marked({"type": "text", "text": titled_text(part)}, part.cache_control)
            case File():
                return self._marked({"type": "file", "file": _file(part)}, part.cache_control)
            case Refusal():
                return {"type": "refusal", "refusal": part.text}
        raise UnsupportedParameterError("messages", f"a part of the type {type(part).__name__} cannot stand here")

    def _keeps(self, cache_control: Json | None) -> bool:
        """Whether a mark goes out. Notes if it does not."""
        self._mark(cache_control)
        return cache_control is not None and self._variant.takes_cache_control

    def _mark(self, cache_control: Json | None) -> None:
        if cache_control is not None and not self._variant.takes_cache_control:
            self.drops_cache_control = True

    def _marked(self, part: Json, cache_control: Json | None) -> Json:
        return {**part, "cache_control": cache_control} if self._keeps(cache_control) else part

    # ------------------------------------------------------------------ assistant

    def _assistant(self, message: Message) -> Json:
        content: list[Part] = []
        calls: list[Json] = []
        thoughts: list[Reasoning] = []
        refusal: str | None = None
        for part in message.parts:
            match part:
                case ToolCall():
                    calls.append(self._tool_call(part))
                case Reasoning():
                    thoughts.append(part)
                case Refusal():
                    refusal = (refusal or "") + part.text
                case Image():
                    raise UnsupportedParameterError("messages", "images of the assistant have no place in the history")
                case _:
                    content.append(part)
        written: Json = {"role": "assistant", "content": self._content(content) if content else None}
        if message.name:
            written["name"] = message.name
        if refusal is not None:
            written["refusal"] = refusal
        written |= self._reasoning(thoughts)
        if calls:
            written["tool_calls"] = calls
        elif not content and refusal is None:
            written["content"] = ""  # null is only for messages with calls
        return written

    def _tool_call(self, call: ToolCall) -> Json:
        if call.cache_control is not None:  # no API has a place for it
            self.drops_cache_control = True
        function = {"name": call.name, "arguments": call.arguments if call.arguments.strip() else "{}"}
        written: Json = {"id": self._call_id(call.id), "type": "function", "function": function}
        if call.signature and self._variant.takes_signatures:
            written["extra_content"] = signed.extra_content(call.signature, call.origin)
        return written

    def takes_thought(self, thought: Reasoning) -> bool:
        """Whether any of a thought is sent."""
        if not self._variant.takes_reasoning:
            return False
        if self._variant.takes_signatures:
            return bool(thought.text or thought.signature or thought.id)
        return bool(thought.text) or (self._target.profile == thought.origin == "openrouter")

    def _reasoning(self, thoughts: list[Reasoning]) -> Json:
        if not thoughts or not self._variant.takes_reasoning:
            return {}
        if self._target.profile == "openrouter" and (details := signed.write_details(thoughts)):
            return {"reasoning_details": details}
        fields: Json = {}
        if text := "".join(thought.text for thought in thoughts):
            fields["reasoning_content"] = text
        if self._variant.takes_signatures and (blocks := signed.write_blocks(thoughts)):
            fields["thinking_blocks"] = blocks
        return fields

    def _call_id(self, call_id: str) -> str:
        """The id of a call; in place of one that the API refuses, one that is made of it."""
        length = self._variant.id_length
        if self._variant.has_exact_ids:
            if len(call_id) == length and call_id.isascii() and call_id.isalnum():
                return call_id
        elif len(call_id) <= length:
            return call_id
        digest = hashlib.sha256(call_id.encode("utf-8", "surrogatepass")).hexdigest()
        return digest[:length] if self._variant.has_exact_ids else f"call_{digest[: length - 5]}"


# ------------------------------------------------------------------ parts


def _image(image: Image) -> Json:
    if image.file_id:
        raise UnsupportedParameterError("image", "an image by the id of a file: only the provider that keeps it has it")
    written: Json = {"url": f"data:{image.media_type};base64,{image.data}" if image.data else image.url}
    if image.detail:
        written["detail"] = image.detail
    return written


def _audio(audio: Audio) -> Json:
    form = _AUDIO_FORMATS.get(audio.media_type.lower())
    if form is None:
        raise UnsupportedParameterError(
            "input_audio", f"audio of the type {audio.media_type}: only wav and mp3 are taken"
        )
    return {"data": audio.data, "format": form}


def _file(file: File) -> Json:
    if file.file_id:
        raise UnsupportedParameterError("file", "a file by its id: only the provider that keeps it has it")
    if file.url:
        raise UnsupportedParameterError("file", "a file by its URL: only its bytes are taken")
    media_type = file.media_type or "application/pdf"
    return {"filename": file.name or "document", "file_data": f"data:{media_type};base64,{file.data}"}
