"""Reads the content of a message: a text, or a list of parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gecholog.llm import checked
from gecholog.llm.chat import Audio, File, Image, Part, Reasoning, Refusal, Text
from gecholog.llm.checked import Json
from gecholog.llm.data_url import split_data_url
from gecholog.llm.unread import Unread

_AUDIO_TYPES = {"mp3": "audio/mpeg"}
_CACHEABLE = frozenset({"type", "cache_control"})
# The members of parts, by their types, and of the objects in them that are read; others are hints.
_MEMBERS = {
    "text": _CACHEABLE | {"text"},
    "refusal": frozenset({"type", "refusal"}),
    "image_url": _CACHEABLE | {"image_url"},
    "input_audio": frozenset({"type", "input_audio"}),
    "file": _CACHEABLE | {"file"},
    "document_url": frozenset({"type", "document_url", "document_name"}),
    "thinking": frozenset({"type", "thinking"}),
}
_INNER = {
    "image_url": frozenset({"url", "detail"}),
    "input_audio": frozenset({"data", "format"}),
    "file": frozenset({"file_data", "file_id", "filename"}),
}


def read_content(content: Any, path: str, unread: Unread) -> tuple[Part, ...]:
    """The parts of a content. What has no place in the neutral form goes to `unread`: parts by their path.

    Raises InvalidRequestError.
    """
    if content is None:
        return ()
    if isinstance(content, str):
        return (Text(content),) if content else ()
    found: list[Part] = []
    for index, item in enumerate(checked.a_list(content, path)):
        place = f"{path}[{index}]"
        if isinstance(item, str):
            found.append(Text(item))
            continue
        part = _part(checked.an_object(item, place), place)
        if part is None:
            unread.required[place] = item
            continue
        _note_others(item, unread)
        found.append(part)
    return tuple(found)


def _note_others(part: Json, unread: Unread) -> None:
    kind = part.get("type", "text")
    unread.note(part, _MEMBERS[kind], kind)
    inner = part.get(kind)
    if isinstance(inner, dict):
        unread.note(inner, _INNER.get(kind, frozenset()), kind)


def _part(part: Json, path: str) -> Part | None:
    """A part; None if the neutral form has none of its type."""
    kind = part.get("type", "text")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    return None if read is None else read(part, path)


def _text(part: Json, path: str) -> Text:
    return Text(checked.text(part, "text", f"{path}."), _cache_control(part))


def _refusal(part: Json, path: str) -> Refusal:
    return Refusal(checked.text(part, "refusal", f"{path}."))


def _cache_control(part: Json) -> Json | None:
    found = part.get("cache_control")
    return found if isinstance(found, dict) else None


def _image(part: Json, path: str) -> Image:
    value = part.get("image_url")
    if isinstance(value, str):  # Mistral's form
        value = {"url": value}
    image = checked.an_object(value, f"{path}.image_url")
    url = checked.text(image, "url", f"{path}.image_url.")
    detail = checked.optional_text(image, "detail", f"{path}.image_url.") or ""
    media_type, data = split_data_url(url)
    if data:
        return Image(data=data, media_type=media_type, detail=detail, cache_control=_cache_control(part))
    return Image(url=url, detail=detail, cache_control=_cache_control(part))


def _audio(part: Json, path: str) -> Audio:
    value = part.get("input_audio")
    if isinstance(value, str):  # Mistral's form: base64 alone
        return Audio(split_data_url(value)[1] or value, split_data_url(value)[0] or "audio/mpeg")
    audio = checked.an_object(value, f"{path}.input_audio")
    form = checked.optional_text(audio, "format", f"{path}.input_audio.") or "wav"
    return Audio(checked.text(audio, "data", f"{path}.input_audio."), _AUDIO_TYPES.get(form, f"audio/{form}"))


def _file(part: Json, path: str) -> File:
    file = checked.an_object(part.get("file"), f"{path}.file")
    file_id = checked.optional_text(file, "file_id", f"{path}.file.") or ""
    name = checked.optional_text(file, "filename", f"{path}.file.") or ""
    written = checked.optional_text(file, "file_data", f"{path}.file.") or ""
    if not file_id and not written:
        checked.refuse(f"{path}.file", "must have file_data or file_id")
    media_type, data = split_data_url(written)
    return File(
        data=data or written,
        file_id="" if written else file_id,
        media_type=media_type or ("application/pdf" if written else ""),
        name=name,
        cache_control=_cache_control(part),
    )


def _document(part: Json, path: str) -> File:
    """Mistral's form of a file."""
    url = checked.text(part, "document_url", f"{path}.")
    name = checked.optional_text(part, "document_name", f"{path}.") or ""
    media_type, data = split_data_url(url)
    return File(data=data, media_type=media_type, name=name) if data else File(url=url, name=name)


def _thinking(part: Json, _: str) -> Reasoning:
    """Mistral's form of reasoning: a list of texts."""
    value = part.get("thinking")
    if isinstance(value, str):
        return Reasoning(value)
    texts = (item.get("text") for item in value if isinstance(item, dict)) if isinstance(value, list) else ()
    return Reasoning("".join(text for text in texts if isinstance(text, str)))


_READERS: dict[str, Callable[[Json, str], Part]] = {
    "text": _text,
    "refusal": _refusal,
    "image_url": _image,
    "input_audio": _audio,
    "file": _file,
    "document_url": _document,
    "thinking": _thinking,
}
