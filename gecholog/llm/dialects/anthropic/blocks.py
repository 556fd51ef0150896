"""Content blocks of Anthropic's messages, as parts of the neutral form."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from gecholog.llm.chat import Citation, File, Image, Part, Reasoning, Text, ToolCall, ToolResult
from gecholog.llm.checked import (
    Json,
    a_list,
    a_text,
    an_object,
    optional_bool,
    optional_object,
    optional_text,
    refuse,
    text,
)
from gecholog.llm.nested_hints import CACHE_CONTROL
from gecholog.llm.signatures import unpack
from gecholog.llm.tool_arguments import as_text
from gecholog.llm.unread import Unread

NAME = "anthropic"

# The members of blocks that are read; others are hints.
_MEMBERS = {
    "text": frozenset({"type", "text", "cache_control"}),
    "image": frozenset({"type", "source", "cache_control"}),
    "document": frozenset({"type", "source", "cache_control", "title", "context", "citations"}),
    "search_result": frozenset({"type", "source", "cache_control", "title", "content"}),
    "tool_use": frozenset({"type", "id", "name", "input", "cache_control", "caller"}),
    "tool_result": frozenset({"type", "tool_use_id", "content", "is_error", "cache_control"}),
}
_SOURCE = frozenset({"type", "data", "media_type", "url", "file_id", "content"})
_ONLY_OF = {"thinking": "assistant", "redacted_thinking": "assistant", "tool_use": "assistant", "tool_result": "user"}


class UnknownBlockError(Exception):
    """A block has no place in the neutral form: a server tool's, for example."""


def message_parts(content: Any, path: str, role: str, unread: Unread) -> tuple[Part, ...]:
    """The parts of a message's content. `role` is `user`, `assistant` or `system`. Raises like `parts_of`.

    Raises InvalidRequestError also for blocks that the API takes in messages of the other role only.
    """
    for index, block in enumerate(content) if isinstance(content, list) else ():
        kind = block.get("type") if isinstance(block, dict) else None
        owner = _ONLY_OF.get(kind, role) if isinstance(kind, str) else role
        if owner != role:
            refuse(f"{path}[{index}].type", f"{kind} blocks may only be in messages of the role {owner}")
    return parts_of(content, path, unread)


def parts_of(content: Any, path: str, unread: Unread) -> tuple[Part, ...]:
    """The parts of a content, which is a text or an array of blocks. Members that are not read go to `unread`.

    Raises InvalidRequestError, and UnknownBlockError for blocks that only Anthropic understands.
    """
    if isinstance(content, str):
        return (Text(content),)
    parts: list[Part] = []
    signature: tuple[str, str] | None = None
    for index, value in enumerate(a_list(content, path)):
        block = an_object(value, f"{path}[{index}]")
        part = _part(block, f"{path}[{index}].", unread)
        if isinstance(part, tuple):
            signature = part
        elif isinstance(part, ToolCall) and signature is not None:
            parts.append(ToolCall(part.id, part.name, part.arguments, *signature, cache_control=part.cache_control))
            signature = None
        else:
            parts.append(part)
    return tuple(parts)


def _part(block: Json, path: str, unread: Unread) -> Part | tuple[str, str]:
    """The part that a block is; of one that holds the signature of the next tool call, that and its origin."""
    cache_control = optional_object(block, "cache_control", path)
    kind = block.get("type")
    if isinstance(kind, str) and kind in _MEMBERS:
        unread.note(block, _MEMBERS[kind], kind)
    match kind:
        case "text":
            return Text(text(block, "text", path), cache_control)
        case "image":
            return _image(_source(block, path, unread), f"{path}source.", cache_control)
        case "document":
            return _document(block, path, cache_control, unread)
        case "search_result":
            return Text(_search_result(block, path, unread), cache_control)
        case "thinking" | "redacted_thinking":
            return _thoughts(block, path)
        case "tool_use":
            return _tool_use(block, path, cache_control, unread)
        case "tool_result":
            return _tool_result(block, path, cache_control, unread)
        case str():
            raise UnknownBlockError(kind)
    return refuse(f"{path}type", "must be a string")


def _source(block: Json, path: str, unread: Unread) -> Json:
    source = an_object(block.get("source"), f"{path}source")
    unread.note(source, _SOURCE, f"{block['type']}.source")
    return source


def _tool_use(block: Json, path: str, cache_control: Json | None, unread: Unread) -> ToolCall:
    caller = optional_object(block, "caller", path)
    if caller is not None and caller.get("type") != "direct":
        unread.hints["tool_use.caller"] = caller
    arguments = as_text(an_object(block.get("input", {}), f"{path}input"))
    return ToolCall(text(block, "id", path), text(block, "name", path), arguments, cache_control=cache_control)


def citations_of(value: Any) -> tuple[Citation, ...]:
    """The citations of a text block, as far as they are readable."""
    found = [cited for cited in value if isinstance(cited, dict)] if isinstance(value, list) else []
    return tuple(citation_of(cited) for cited in found)


def citation_of(cited: Json) -> Citation:
    """One citation: of a page on the web, of a search result, or of a document."""
    return Citation(
        _word(cited, "url") or _word(cited, "source"),
        _word(cited, "title") or _word(cited, "document_title"),
        _word(cited, "cited_text"),
    )


def _thoughts(block: Json, path: str) -> Reasoning | tuple[str, str]:
    if block["type"] == "thinking":
        found = unpack(_word(block, "signature"), NAME)
        return Reasoning(text(block, "thinking", path), found.text, found.origin if found.text else "", found.id)
    found = unpack(text(block, "data", path), NAME)
    if found.signs_call:
        return found.text, found.origin
    return Reasoning(signature=found.text, origin=found.origin, id=found.id, is_redacted=True)


def _image(source: Json, path: str, cache_control: Json | None) -> Image:
    match source.get("type"):
        case "base64":
            data, media_type = text(source, "data", path), text(source, "media_type", path)
            return Image(data, media_type, cache_control=cache_control)
        case "url":
            return Image(url=text(source, "url", path), cache_control=cache_control)
        case "file":
            return Image(file_id=text(source, "file_id", path), cache_control=cache_control)
    return refuse(f"{path}type", "must be base64, url or file")


def _document(block: Json, path: str, cache_control: Json | None, unread: Unread) -> File:
    source = _source(block, path, unread)
    citations = optional_object(block, "citations", path) or {}
    wanted = File(
        name=_word(block, "title"),
        context=optional_text(block, "context", path) or "",
        is_cited=optional_bool(citations, "enabled", f"{path}citations.") or False,
        cache_control=cache_control,
    )
    path = f"{path}source."
    match source.get("type"):
        case "base64":
            data, media_type = text(source, "data", path), text(source, "media_type", path)
            return replace(wanted, data=data, media_type=media_type)
        case "text":
            return replace(wanted, text=text(source, "data", path), media_type="text/plain")
        case "content":
            words = _texts_in(source.get("content"), f"{path}content", unread)
            return replace(wanted, text=words, media_type="text/plain")
        case "url":
            return replace(wanted, url=text(source, "url", path))
        case "file":
            return replace(wanted, file_id=text(source, "file_id", path))
    return refuse(f"{path}type", "must be base64, text, content, url or file")


def _search_result(block: Json, path: str, unread: Unread) -> str:
    """A search result as text, for models that have no block for it."""
    words = _texts_in(block.get("content"), f"{path}content", unread)
    return "\n".join(line for line in (_word(block, "title"), _word(block, "source"), words) if line)


def _texts_in(content: Any, path: str, unread: Unread) -> str:
    """The texts of a document or a search result, as one. Raises UnknownBlockError if there is anything else in it."""
    parts = parts_of(content, path, unread)
    texts = [part for part in parts if isinstance(part, Text)]
    if len(texts) < len(parts):
        raise UnknownBlockError("image inside of a document")
    if marks := [each.cache_control for each in texts if each.cache_control is not None]:
        unread.hints[CACHE_CONTROL] = marks[-1]
    return "\n".join(each.text for each in texts)


def _tool_result(block: Json, path: str, cache_control: Json | None, unread: Unread) -> ToolResult:
    content = block.get("content")
    parts = () if content is None else parts_of(content, f"{path}content", unread)
    known = tuple(part for part in parts if isinstance(part, Text | Image | File))
    if len(known) < len(parts):
        refuse(f"{path}content", "may have only text, image, document and search_result blocks")
    is_error = bool(optional_bool(block, "is_error", path))
    called = a_text(block.get("tool_use_id"), f"{path}tool_use_id")
    return ToolResult(called, known, is_error=is_error, cache_control=cache_control)


def _word(fields: Json, name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
