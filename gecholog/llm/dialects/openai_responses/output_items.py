"""Items of the output of a response, of the parts of an answer."""

from __future__ import annotations

from gecholog.llm.chat import Citation, Image, Part, Reasoning, Refusal, Text, ToolCall
from gecholog.llm.checked import Json
from gecholog.llm.dialects.openai_responses.item_reader import NAME
from gecholog.llm.signatures import Signature, pack

COMPLETED = "completed"


def items_of(parts: tuple[Part, ...], known: str) -> list[Json]:
    """The items of an answer. `known` is the id of the call, of which the ids of items are made."""
    items: list[Json] = []
    content: list[Json] = []  # of the message that is being put together
    for part in parts:
        if isinstance(part, Text | Refusal):
            if not content:
                items.append(message_item(item_id("msg", known, len(items)), content))
            content.append(text_part(part.text, part.citations) if isinstance(part, Text) else refusal_part(part.text))
            continue
        content = []
        items += _items(part, known, len(items))
    return items


def _items(part: Part, known: str, number: int) -> list[Json]:
    match part:
        case Reasoning():
            return [reasoning_item(item_id("rs", known, number), part.text, encrypted(part))]
        case ToolCall():
            signed: list[Json] = []
            if part.signature:
                packed = pack(Signature(part.origin, part.signature, signs_call=True))
                signed = [reasoning_item(item_id("rs", known, number), "", packed)]
            call_id = part.id or item_id("call", known, number)
            number += len(signed)
            return [*signed, call_item(item_id("fc", known, number), call_id, part.name, part.arguments or "{}")]
        case Image():
            return [image_item(item_id("ig", known, number), part.data)]
    return []


def item_id(prefix: str, known: str, number: int) -> str:
    """The id of the item with this number."""
    return f"{prefix}_{known}_{number}"


def message_item(known: str, content: list[Json], status: str = COMPLETED) -> Json:
    """A message of the assistant."""
    return {"id": known, "type": "message", "status": status, "role": "assistant", "content": content}


def text_part(text: str, citations: tuple[Citation, ...] = ()) -> Json:
    """A text in a message."""
    annotations = [annotation(cited, text) for cited in citations if cited.url]
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": []}


def annotation(cited: Citation, text: str) -> Json:
    """A citation of a page on the web."""
    start, end = cited.start or 0, len(text) if cited.end is None else cited.end
    return {"type": "url_citation", "url": cited.url, "title": cited.title, "start_index": start, "end_index": end}


def refusal_part(text: str) -> Json:
    """A refusal in a message."""
    return {"type": "refusal", "refusal": text}


def reasoning_item(known: str, text: str, encrypted_content: str = "") -> Json:
    """Reasoning, with what its provider wants back in the next turn."""
    summary = [{"type": "summary_text", "text": text}] if text else []
    item: Json = {"id": known, "type": "reasoning", "summary": summary}
    return item | {"encrypted_content": encrypted_content} if encrypted_content else item


def encrypted(part: Reasoning) -> str:
    """A signature for the field `encrypted_content`: OpenAI's own as it is, another one packed."""
    if not part.signature or (part.origin == NAME and not part.is_redacted):
        return part.signature
    return pack(Signature(part.origin, part.signature, id=part.id, is_redacted=part.is_redacted))


def call_item(known: str, call_id: str, name: str, arguments: str, status: str = COMPLETED) -> Json:
    """A call of a function."""
    return {
        "id": known,
        "type": "function_call",
        "status": status,
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
    }


def image_item(known: str, data: str) -> Json:
    """An image that the model made, in base64."""
    return {"id": known, "type": "image_generation_call", "status": COMPLETED, "result": data}
