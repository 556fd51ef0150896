"""Content blocks of Anthropic's messages, as parts of the neutral form."""

from __future__ import annotations

from typing import Any

from gecholog.llm.chat import Citation, File, Image, Part, Reasoning, Text, ToolCall, ToolResult
from gecholog.llm.checked import Json, a_list, a_text, an_object, optional_bool, optional_object, refuse, text
from gecholog.llm.signatures import unpack
from gecholog.llm.tool_arguments import as_text

NAME = "anthropic"


class UnknownBlockError(Exception):
    """A block has no place in the neutral form: a server tool's, for example."""


def parts_of(content: Any, path: str) -> tuple[Part, ...]:
    """The parts of a content, which is a text or an array of blocks.

    Raises InvalidRequestError, and UnknownBlockError for blocks that only Anthropic understands.
    """
    if isinstance(content, str):
        return (Text(content),)
    parts: list[Part] = []
    signature: tuple[str, str] | None = None
    for index, value in enumerate(a_list(content, path)):
        block = an_object(value, f"{path}[{index}]")
        part = _part(block, f"{path}[{index}].")
        if isinstance(part, tuple):
            signature = part
        elif isinstance(part, ToolCall) and signature is not None:
            parts.append(ToolCall(part.id, part.name, part.arguments, *signature, cache_control=part.cache_control))
            signature = None
        else:
            parts.append(part)
    return tuple(parts)


def _part(block: Json, path: str) -> Part | tuple[str, str]:
    """The part that a block is; of one that holds the signature of the next tool call, that and its origin."""
    cache_control = optional_object(block, "cache_control", path)
    match block.get("type"):
        case "text":
            return Text(text(block, "text", path), cache_control, citations_of(block.get("citations")))
        case "image":
            return _image(an_object(block.get("source"), f"{path}source"), f"{path}source.", cache_control)
        case "document":
            return _document(block, path, cache_control)
        case "search_result":
            return Text(_search_result(block, path), cache_control)
        case "thinking":
            return _thinking(text(block, "thinking", path), block.get("signature"))
        case "redacted_thinking":
            return _redacted(text(block, "data", path))
        case "tool_use":
            arguments = as_text(an_object(block.get("input", {}), f"{path}input"))
            return ToolCall(text(block, "id", path), text(block, "name", path), arguments, cache_control=cache_control)
        case "tool_result":
            return _tool_result(block, path, cache_control)
        case str(kind):
            raise UnknownBlockError(kind)
    return refuse(f"{path}type", "must be a string")


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


def _thinking(words: str, signature: Any) -> Reasoning:
    found = unpack(signature if isinstance(signature, str) else "", NAME)
    return Reasoning(words, found.text, found.origin if found.text else "", found.id)


def _redacted(data: str) -> Reasoning | tuple[str, str]:
    found = unpack(data, NAME)
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


def _document(block: Json, path: str, cache_control: Json | None) -> File:
    source = an_object(block.get("source"), f"{path}source")
    path = f"{path}source."
    name = _word(block, "title")
    match source.get("type"):
        case "base64":
            data, media_type = text(source, "data", path), text(source, "media_type", path)
            return File(data=data, media_type=media_type, name=name, cache_control=cache_control)
        case "text":
            words = text(source, "data", path)
            return File(text=words, media_type="text/plain", name=name, cache_control=cache_control)
        case "content":
            words = _text_of(parts_of(source.get("content"), f"{path}content"))
            return File(text=words, media_type="text/plain", name=name, cache_control=cache_control)
        case "url":
            return File(url=text(source, "url", path), name=name, cache_control=cache_control)
        case "file":
            return File(file_id=text(source, "file_id", path), name=name, cache_control=cache_control)
    return refuse(f"{path}type", "must be base64, text, content, url or file")


def _search_result(block: Json, path: str) -> str:
    """A search result as text, for models that have no block for it."""
    words = _text_of(parts_of(block.get("content"), f"{path}content"))
    return "\n".join(line for line in (_word(block, "title"), _word(block, "source"), words) if line)


def _tool_result(block: Json, path: str, cache_control: Json | None) -> ToolResult:
    content = block.get("content")
    parts = () if content is None else parts_of(content, f"{path}content")
    known = tuple(part for part in parts if isinstance(part, Text | Image | File))
    if len(known) < len(parts):
        refuse(f"{path}content", "may have only text, image, document and search_result blocks")
    is_error = bool(optional_bool(block, "is_error", path))
    called = a_text(block.get("tool_use_id"), f"{path}tool_use_id")
    return ToolResult(called, known, is_error=is_error, cache_control=cache_control)


def _text_of(parts: tuple[Part, ...]) -> str:
    return "\n".join(part.text for part in parts if isinstance(part, Text))


def _word(fields: Json, name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
