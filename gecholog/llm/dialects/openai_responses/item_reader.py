"""Reads the input of a request for responses: items, each a message, a call, its output, or reasoning."""

from __future__ import annotations

from typing import Any

from gecholog.llm.chat import Audio, File, Image, Message, Part, Reasoning, Refusal, Role, Text, ToolCall, ToolResult
from gecholog.llm.checked import Json, a_list, an_object, optional_list, optional_text, refuse, text
from gecholog.llm.data_url import split_data_url
from gecholog.llm.signatures import Signature, unpack
from gecholog.llm.unread import Unread

NAME = "openai_responses"

_ROLES = {"user": Role.USER, "assistant": Role.ASSISTANT, "system": Role.SYSTEM, "developer": Role.SYSTEM}
_AUDIO_TYPES = {"mp3": "audio/mpeg"}
_ITEM = frozenset({"type", "id", "status"})
# The members of items, of parts of them and of their sounds that are read, or that are only about how they came to be
# (ids, states, the probabilities of tokens); others are hints.
_ITEMS = {
    "message": _ITEM | {"role", "content"},
    "function_call": _ITEM | {"call_id", "name", "arguments"},
    "function_call_output": _ITEM | {"call_id", "output"},
    "reasoning": _ITEM | {"summary", "content", "encrypted_content"},
}
_TEXT = frozenset({"type", "text", "logprobs"})
_PARTS = {
    "input_text": _TEXT,
    "output_text": _TEXT,
    "text": _TEXT,
    "summary_text": _TEXT,
    "refusal": frozenset({"type", "refusal"}),
    "input_image": frozenset({"type", "image_url", "file_id", "detail"}),
    "input_file": frozenset({"type", "filename", "file_data", "file_url", "file_id"}),
    "input_audio": frozenset({"type", "input_audio"}),
}
_AUDIO = frozenset({"data", "format"})


class ItemReader:
    """Makes messages of items. `foreign` tells of items and parts that only OpenAI understands, by their places.

    Members that have no place in the neutral form go to `unread`.
    """

    def __init__(self, unread: Unread) -> None:
        self._unread = unread
        self.foreign: list[str] = []
        self._messages: list[tuple[Role, list[Part]]] = []
        self._signature: Signature | None = None  # of the next call

    def read(self, given: Any) -> tuple[Message, ...]:
        """The messages of an input, which is a text or a list of items. Raises InvalidRequestError."""
        if isinstance(given, str):
            return (Message(Role.USER, (Text(given),)),)
        for index, item in enumerate(a_list(given, "input")):
            self._item(an_object(item, f"input[{index}]"), f"input[{index}].")
        return tuple(Message(role, tuple(parts)) for role, parts in self._messages)

    def _item(self, item: Json, path: str) -> None:
        kind = item.get("type")
        if kind is None:
            kind = "item_reference" if "id" in item and "role" not in item else "message"
        if isinstance(kind, str) and kind in _ITEMS:
            self._unread.note(item, _ITEMS[kind], kind)
        match kind:
            case "message":
                self._message(item, path)
            case "function_call":
                self._add(Role.ASSISTANT, [self._call(item, path)])
            case "function_call_output":
                self._add(Role.USER, [self._output(item, path)])
            case "reasoning":
                self._reasoning(item, path)
            case str():
                self.foreign.append(f"{path[:-1]} has the type {kind}")
            case _:
                refuse(f"{path}type", "must be a string")

    def _add(self, role: Role, parts: list[Part]) -> None:
        """Add parts. What the model did between two turns of the user is one message, and so are outputs of calls."""
        is_joined = role is Role.ASSISTANT or all(isinstance(part, ToolResult) for part in parts)
        last = self._messages[-1] if self._messages else None
        if last is not None and last[0] is role and is_joined and (role is Role.ASSISTANT or _is_of_results(last[1])):
            last[1].extend(parts)
        else:
            self._messages.append((role, parts))

    def _message(self, item: Json, path: str) -> None:
        role = item.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            refuse(f"{path}role", "must be user, assistant, system or developer")
        self._add(_ROLES[role], self._content(item.get("content"), f"{path}content"))

    def _content(self, content: Any, path: str) -> list[Part]:
        if isinstance(content, str):
            return [Text(content)]
        parts: list[Part] = []
        for index, value in enumerate(a_list(content, path)):
            place = f"{path}[{index}]"
            part = _part(an_object(value, place), f"{place}.")
            if part is None:
                self.foreign.append(f"{place} has the type {value.get('type')}")
            else:
                self._unread.note(value, _PARTS[value["type"]], value["type"])
                if isinstance(part, Audio):
                    self._unread.note(value["input_audio"], _AUDIO, "input_audio")
                parts.append(part)
        return parts

    def _call(self, item: Json, path: str) -> ToolCall:
        signature, self._signature = self._signature or Signature("", ""), None
        known = text(item, "call_id", path)
        arguments = text(item, "arguments", path)
        return ToolCall(known, text(item, "name", path), arguments, signature.text, signature.origin)

    def _output(self, item: Json, path: str) -> ToolResult:
        parts = self._content(item.get("output"), f"{path}output")
        known = tuple(part for part in parts if isinstance(part, Text | Image | File))
        if len(known) < len(parts):
            refuse(f"{path}output", "may have only texts, images and files")
        return ToolResult(text(item, "call_id", path), known)

    def _reasoning(self, item: Json, path: str) -> None:
        pieces = [*optional_list(item, "summary", path), *optional_list(item, "content", path)]
        texts = [piece.get("text") for piece in pieces if isinstance(piece, dict)]
        words = "\n\n".join(words for words in texts if isinstance(words, str))
        encrypted = optional_text(item, "encrypted_content", path) or ""
        signature = unpack(encrypted, NAME)
        if signature.signs_call:
            self._signature = signature
            return
        origin = signature.origin if encrypted else ""
        known = signature.id if origin not in ("", NAME) else optional_text(item, "id", path) or ""
        self._add(Role.ASSISTANT, [Reasoning(words, signature.text, origin, known, signature.is_redacted)])


def _is_of_results(parts: list[Part]) -> bool:
    return all(isinstance(part, ToolResult) for part in parts)


def _part(part: Json, path: str) -> Part | None:
    """A part of a content; None if the neutral form has none of its type."""
    match part.get("type"):
        case "input_text" | "output_text" | "text" | "summary_text":
            return Text(text(part, "text", path))
        case "refusal":
            return Refusal(text(part, "refusal", path))
        case "input_image":
            return _image(part, path)
        case "input_file":
            return _file(part, path)
        case "input_audio":
            return _audio(an_object(part.get("input_audio"), f"{path}input_audio"), f"{path}input_audio.")
    return None


def _image(part: Json, path: str) -> Image:
    detail = optional_text(part, "detail", path) or ""
    if detail == "auto":
        detail = ""  # what it is unless someone says so
    url, file_id = optional_text(part, "image_url", path) or "", optional_text(part, "file_id", path) or ""
    if not url and not file_id:
        refuse(f"{path}image_url", "must be a string, or file_id must be there")
    media_type, data = split_data_url(url)
    if data:
        return Image(data=data, media_type=media_type, detail=detail)
    return Image(url=url, file_id="" if url else file_id, detail=detail)


def _file(part: Json, path: str) -> File:
    name = optional_text(part, "filename", path) or ""
    written, url = optional_text(part, "file_data", path) or "", optional_text(part, "file_url", path) or ""
    file_id = optional_text(part, "file_id", path) or ""
    if not (written or url or file_id):
        refuse(path[:-1], "must have file_data, file_url or file_id")
    media_type, data = split_data_url(written)
    if written:
        return File(data=data or written, media_type=media_type or "application/pdf", name=name)
    return File(url=url, file_id="" if url else file_id, name=name)


def _audio(audio: Json, path: str) -> Audio:
    form = optional_text(audio, "format", path) or "wav"
    return Audio(text(audio, "data", path), _AUDIO_TYPES.get(form, f"audio/{form}"))
