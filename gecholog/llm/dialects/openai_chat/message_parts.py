"""What the messages of answers hold, whole or in pieces, under the names that the various APIs have for it.

Nothing here raises: what is of another type than it should be counts as absent.
"""

from __future__ import annotations

from typing import Any

from gecholog.llm.chat import Citation, Image
from gecholog.llm.data_url import split_data_url

Json = dict[str, Any]


def objects(value: Any) -> list[Json]:
    """The objects of a list; none if it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text_in(fields: Json, name: str) -> str:
    """A text, empty if it is not there."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def content_text(message: Json) -> str:
    """The text of the content, which is a list in some APIs."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "".join(text_in(part, "text") for part in objects(content) if part.get("type", "text") == "text")


def refusal_text(message: Json) -> str:
    """The text of a refusal: a field of its own, or parts of the content."""
    return text_in(message, "refusal") or "".join(text_in(part, "refusal") for part in objects(message.get("content")))


def reasoning_text(message: Json) -> str:
    """The reasoning: `reasoning_content` (DeepSeek, xAI), `reasoning` (Groq, OpenRouter, Ollama), or Mistral's parts.

    Some send it under several names at once; `reasoning_details` (OpenRouter, Vercel) is a copy where there is another.
    """
    told = text_in(message, "reasoning_content") or text_in(message, "reasoning")
    if told:
        return told
    thinking = "".join(_thinking(part) for part in objects(message.get("content")) if part.get("type") == "thinking")
    return thinking or "".join(
        text_in(detail, "text") or text_in(detail, "summary") for detail in objects(message.get("reasoning_details"))
    )


def _thinking(part: Json) -> str:
    value = part.get("thinking")
    return value if isinstance(value, str) else "".join(text_in(item, "text") for item in objects(value))


def citations(message: Json) -> tuple[Citation, ...]:
    """Sources of the text (https://platform.openai.com/docs/guides/tools-web-search)."""
    found = []
    for annotation in objects(message.get("annotations")):
        cited = annotation.get("url_citation")
        if isinstance(cited, dict):
            start, end = cited.get("start_index"), cited.get("end_index")
            found.append(
                Citation(
                    text_in(cited, "url"),
                    text_in(cited, "title"),
                    text_in(cited, "content"),
                    start if type(start) is int else None,
                    end if type(end) is int else None,
                )
            )
    return tuple(found)


def annotation(citation: Citation, offset: int, length: int) -> Json:
    """A source of the text, as messages tell it.

    `offset` is where the part that it belongs to begins in the whole text, `length` is the one of that part. Without a
    place of its own it belongs to all of the part.
    """
    start = 0 if citation.start is None else citation.start
    end = length if citation.end is None else citation.end
    cited: Json = {
        "url": citation.url,
        "title": citation.title,
        "start_index": start + offset,
        "end_index": end + offset,
    }
    if citation.cited_text:
        cited["content"] = citation.cited_text
    return {"type": "url_citation", "url_citation": cited}


def images(message: Json) -> tuple[Image, ...]:
    """Images that the model made, as OpenRouter has them."""
    found = []
    for item in objects(message.get("images")):
        holder = item.get("image_url")
        url = text_in(holder, "url") if isinstance(holder, dict) else ""
        media_type, data = split_data_url(url)
        if data:
            found.append(Image(data=data, media_type=media_type))
        elif url:
            found.append(Image(url=url))
    return tuple(found)


def image(made: Image) -> Json:
    """An image that the model made, as OpenRouter has it."""
    url = f"data:{made.media_type};base64,{made.data}" if made.data else made.url
    return {"type": "image_url", "image_url": {"url": url}}
