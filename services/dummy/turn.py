"""What a request asks for, in whatever dialect, and what the dummy answers. Pure.

The dummy calls a tool if the request forces it, or if the user's words name it: "get_weather, then get_time" calls both
in one answer, or one after the other where the request forbids parallel calls. Results of tools get a text that has
them. Anything else gets the user's words.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from gecholog import rawjson
from services.dummy import generation, tokens
from services.dummy.example import example
from services.dummy.generation import GeneratedText, TextLimits

_THOUGHT_TOKENS = 24  # at most, of the words that a thought repeats
_NOTHING = GeneratedText("", (), 0, "stop")


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that may be called. `parameters` is a JSON schema."""

    name: str
    parameters: Any = None


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A call of a tool."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Output:
    """The form of the text: prose, or JSON that fits a schema (None: any JSON object)."""

    is_json: bool = False
    schema: Any = None


@dataclass(frozen=True, slots=True)
class Turn:
    """The last turn of a conversation, and what the answer may be.

    `words` are what the user said last. `results` are those of tools, if they are the last thing that was said, and
    `called` the names of the tools called since the user's words. With `must_call`, one of the `tools` is called.
    """

    words: str
    results: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    must_call: bool = False
    one_by_one: bool = False
    thinks: bool = False
    output: Output = field(default_factory=Output)
    limits: TextLimits = field(default_factory=TextLimits)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the dummy answers: a thought (empty if there is none), then either calls of tools or a text."""

    thought: str
    calls: tuple[ToolUse, ...]
    text: GeneratedText

    @property
    def thought_tokens(self) -> int:
        return tokens.count(self.thought)

    @property
    def tokens(self) -> int:
        """The tokens of everything but the thought."""
        return self.text.tokens + sum(tool_use_tokens(call.name, call.arguments) for call in self.calls)


def answer(turn: Turn) -> Answer:
    """Return the answer to a turn."""
    thought = _thought(turn) if turn.thinks else ""
    calls = _calls(turn)
    return Answer(thought, calls, _NOTHING if calls else _text(turn, tokens.count(thought)))


def tool_use_tokens(name: str, arguments: Any) -> int:
    """Count the tokens of a call."""
    return tokens.count(name) + tokens.count(rawjson.dumps(arguments).decode())


def _thought(turn: Turn) -> str:
    about = "".join(tokens.split(" ".join((turn.words, *turn.results)).strip())[:_THOUGHT_TOKENS])
    return f"Thinking about: {about}" if about else "Thinking about nothing."


def _calls(turn: Turn) -> tuple[ToolUse, ...]:
    pending = _mentioned(turn)
    if not pending and turn.must_call:
        pending = list(turn.tools[:1])
    if turn.one_by_one:
        pending = pending[:1]
    return tuple(ToolUse(tool.name, _arguments(tool, turn.words)) for tool in pending)


def _mentioned(turn: Turn) -> list[Tool]:
    """Return the tools that the user's words name, in order and as often, without those that have been called."""
    if not turn.tools:
        return []
    by_name = {tool.name: tool for tool in turn.tools}
    names = "|".join(re.escape(name) for name in sorted(by_name, key=len, reverse=True))
    called = Counter(turn.called)
    pending = []
    for name in re.findall(rf"(?<![\w.-])(?:{names})(?![\w-])", turn.words):
        if called[name]:
            called[name] -= 1
        else:
            pending.append(by_name[name])
    return pending


def _arguments(tool: Tool, words: str) -> dict[str, Any]:
    made = example(tool.parameters, words)
    return made if isinstance(made, dict) else {}


def _text(turn: Turn, thought: int) -> GeneratedText:
    limits = turn.limits
    if limits.most is not None:
        limits = replace(limits, most=max(0, limits.most - thought))
    if turn.output.is_json:
        made = example(turn.output.schema, turn.words) if turn.output.schema else {"words": turn.words}
        return generation.cut(rawjson.dumps(made).decode(), limits)
    if turn.results:
        return generation.cut(f"The tools said: {'; '.join(turn.results)}", limits)
    return generation.generate(turn.words, limits)
