"""Hints inside of messages and tools, which the API of a provider may have no field for. Pure."""

from __future__ import annotations

from collections.abc import Callable

from gecholog.llm.chat import ChatRequest, File, Image, Part, Reasoning, ReasoningConfig, Tool, ToolResult

CACHE_CONTROL = "cache_control"
NAME = "messages.name"
DETAIL = "image_url.detail"
STRICT = "function.strict"
FILENAME = "file.filename"
CITATIONS = "document.citations"
DESCRIPTION = "json_schema.description"
THOUGHTS = "messages.reasoning_content"
EFFORT = "reasoning_effort"
SUMMARY = "reasoning.summary"
"""Whether the text of the reasoning is to come with the answer."""

_DEFAULT_DETAIL = ("", "auto")


def nested_hints(request: ChatRequest, takes_thought: Callable[[Reasoning], bool]) -> frozenset[str]:
    """The hints that a request has, by their names in chat completions.

    They are marks for prompt caching, the name of the speaker, the detail of an image, names of files and the wish for
    citations of them, strict schemas of tools, the description of the form of the answer, and earlier reasoning that
    the provider does not take. A field with its default value is not a hint.
    """
    found: set[str] = set()
    for tool in request.tools:
        _add_tool(found, tool)
    if request.response_format is not None and request.response_format.description:
        found.add(DESCRIPTION)
    for message in request.messages:
        if message.name:
            found.add(NAME)
        for part in message.parts:
            if isinstance(part, Reasoning):
                if not takes_thought(part):
                    found.add(THOUGHTS)
                continue
            _add_part(found, part)
            for inner in part.parts if isinstance(part, ToolResult) else ():
                _add_part(found, inner)
    return frozenset(found)


def lost_hints(request: ChatRequest, *kept: str, takes_thought: Callable[[Reasoning], bool]) -> list[str]:
    """The hints of a request that an API loses which has fields for those in `kept` only, sorted."""
    return sorted(nested_hints(request, takes_thought).difference(kept))


def lost_without_switch(wanted: ReasoningConfig | None) -> list[str]:
    """What is lost of a wish that neither switches reasoning on nor off, by an API that has no such wishes."""
    if wanted is None:
        return []
    return [name for name, is_there in ((EFFORT, wanted.effort), (SUMMARY, wanted.shows_text)) if is_there]


def _add_part(found: set[str], part: Part) -> None:
    if getattr(part, CACHE_CONTROL, None) is not None:
        found.add(CACHE_CONTROL)
    if isinstance(part, Image) and part.detail not in _DEFAULT_DETAIL:
        found.add(DETAIL)
    elif isinstance(part, File):
        if part.name:
            found.add(FILENAME)
        if part.is_cited:
            found.add(CITATIONS)


def _add_tool(found: set[str], tool: Tool) -> None:
    if tool.strict:
        found.add(STRICT)
    if tool.cache_control is not None:
        found.add(CACHE_CONTROL)
