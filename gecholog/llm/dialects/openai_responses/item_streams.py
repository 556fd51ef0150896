"""Items of an output while they are streamed: each begins, grows, and is done.

Source: https://platform.openai.com/docs/api-reference/responses-streaming. The methods return events without their
numbers.
"""

from __future__ import annotations

from gecholog.llm.chat import Citation, Reasoning
from gecholog.llm.checked import Json
from gecholog.llm.dialects.openai_responses.output_items import (
    annotation,
    call_item,
    encrypted,
    message_item,
    reasoning_item,
    refusal_part,
    text_part,
)

_IN_PROGRESS = "in_progress"


class OpenItem:
    """An item that is not done. `index` is its place in the output."""

    def __init__(self, known: str, index: int) -> None:
        self.known = known
        self.index = index

    def begin(self) -> list[Json]:
        """The events of its beginning."""
        return [self._event("response.output_item.added", item=self.snapshot(_IN_PROGRESS))]

    def done(self) -> list[Json]:
        """The events of its end."""
        return [self._event("response.output_item.done", item=self.snapshot("completed"))]

    def snapshot(self, status: str) -> Json:
        """The item as it is now."""
        raise NotImplementedError

    def _event(self, kind: str, **fields: object) -> Json:
        return {"type": kind, "output_index": self.index, **fields}

    def _own(self, kind: str, **fields: object) -> Json:
        return {"type": kind, "item_id": self.known, "output_index": self.index, **fields}


class OpenMessage(OpenItem):
    """A message with its parts, of which the last one grows."""

    def __init__(self, known: str, index: int) -> None:
        super().__init__(known, index)
        self._parts: list[Json] = []
        self._kind: tuple[str, int] = ("", 0)  # of the part that grows
        self._pieces: list[str] = []
        self._citations: list[Citation] = []

    def snapshot(self, status: str) -> Json:
        """The message; its last part is there when it is done."""
        return message_item(self.known, list(self._parts), status)

    def text(self, text: str, number: int, citations: tuple[Citation, ...]) -> list[Json]:
        """Add a piece of the text with this number."""
        events = self._part(("text", number))
        if text:
            self._pieces.append(text)
            events.append(self._of_part("response.output_text.delta", delta=text, logprobs=[]))
        for cited in citations:
            if cited.url:
                added = annotation(cited, "".join(self._pieces))
                at = len(self._citations)
                self._citations.append(cited)
                events.append(
                    self._of_part("response.output_text.annotation.added", annotation_index=at, annotation=added)
                )
        return events

    def refusal(self, text: str) -> list[Json]:
        """Add a piece of a refusal."""
        self_part = self._part(("refusal", 0))
        self._pieces.append(text)
        return [*self_part, self._of_part("response.refusal.delta", delta=text)]

    def done(self) -> list[Json]:
        """The events of its end."""
        return [*self._part_done(), *super().done()]

    def _part(self, kind: tuple[str, int]) -> list[Json]:
        """Begin the next part, if another one is to grow."""
        if kind == self._kind:
            return []
        events = self._part_done()
        self._kind, self._pieces, self._citations = kind, [], []
        part = text_part("") if kind[0] == "text" else refusal_part("")
        return [*events, self._of_part("response.content_part.added", part=part)]

    def _part_done(self) -> list[Json]:
        if not self._kind[0]:
            return []
        written = "".join(self._pieces)
        if self._kind[0] == "text":
            part = text_part(written, tuple(self._citations))
            told = self._of_part("response.output_text.done", text=written, logprobs=[])
        else:
            part = refusal_part(written)
            told = self._of_part("response.refusal.done", refusal=written)
        events = [told, self._of_part("response.content_part.done", part=part)]
        self._parts.append(part)
        self._kind = ("", 0)
        return events

    def _of_part(self, kind: str, **fields: object) -> Json:
        return self._own(kind, content_index=len(self._parts), **fields)


class OpenReasoning(OpenItem):
    """Reasoning, whose text grows until its signature comes."""

    def __init__(self, known: str, index: int) -> None:
        super().__init__(known, index)
        self._pieces: list[str] = []
        self._encrypted = ""

    def snapshot(self, status: str) -> Json:
        """The item; its text is there when it is done."""
        return reasoning_item(self.known, "" if status == _IN_PROGRESS else "".join(self._pieces), self._encrypted)

    def text(self, text: str) -> list[Json]:
        """Add a piece of the text."""
        events = []
        if not self._pieces:
            part = {"type": "summary_text", "text": ""}
            events.append(self._own("response.reasoning_summary_part.added", summary_index=0, part=part))
        self._pieces.append(text)
        return [*events, self._own("response.reasoning_summary_text.delta", summary_index=0, delta=text)]

    def signed(self, part: Reasoning) -> None:
        """Take the signature."""
        self._encrypted = encrypted(part)

    def done(self) -> list[Json]:
        """The events of its end."""
        if not self._pieces:
            return super().done()
        written = "".join(self._pieces)
        part = {"type": "summary_text", "text": written}
        return [
            self._own("response.reasoning_summary_text.done", summary_index=0, text=written),
            self._own("response.reasoning_summary_part.done", summary_index=0, part=part),
            *super().done(),
        ]


class OpenCall(OpenItem):
    """A call whose arguments grow."""

    def __init__(self, known: str, index: int, call_id: str, name: str) -> None:
        super().__init__(known, index)
        self._call_id = call_id
        self._name = name
        self._pieces: list[str] = []

    def snapshot(self, status: str) -> Json:
        """The call as far as its arguments came."""
        return call_item(self.known, self._call_id, self._name, "".join(self._pieces), status)

    def arguments(self, text: str) -> list[Json]:
        """Add a piece of the arguments."""
        if not text:
            return []
        self._pieces.append(text)
        return [self._own("response.function_call_arguments.delta", delta=text)]

    def done(self) -> list[Json]:
        """The events of its end. A call without arguments has an empty object."""
        events = [] if self._pieces else self.arguments("{}")
        told = self._own("response.function_call_arguments.done", name=self._name, arguments="".join(self._pieces))
        return [*events, told, *super().done()]
