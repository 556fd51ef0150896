"""Requests with one field of the public OpenAPI documents each, and without it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from tests.gecholog.llm.public_schemas import ANTHROPIC, OPEN_RESPONSES, OPENAI, schemas
from tests.gecholog.llm.schema_walk import ABSENT, Json, Pair, SchemaWalk

_SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
_URL = "https://example.com/zqurl"
_FIXED: Json = {
    "tool_use_id": "c1",
    "tool_call_id": "c1",
    "call_id": "c1",
    "data": "aGk=",
    "file_data": "data:application/pdf;base64,aGk=",
    "url": _URL,
    "file_url": _URL,
    "schema": _SCHEMA,
}
_ALWAYS = ("schema", "file_data", "image_url", "content")
_CHOSEN = _FIXED | {"name": "look"}


class FieldProbe(NamedTuple):
    """Two requests that differ in the field at `path`, with the names of members and alternatives on the way to it."""

    path: str
    body: Json
    without: Json


@cache
def probes(document: str) -> tuple[FieldProbe, ...]:
    """The requests for chats that a document describes."""
    return tuple(_BUILDERS[document]())


def _around(base: Json, name: str, before: list[Json], pairs: Iterator[Pair]) -> Iterator[FieldProbe]:
    """The pairs as the last element of a member that is a list."""
    for pair in pairs:
        without = [] if pair.without is ABSENT else [pair.without]
        body, other = base | {name: [*before, pair.value]}, base | {name: [*before, *without]}
        yield FieldProbe(".".join((name, *pair.path)), body, other)


def _members(base: Json, pairs: Iterator[Pair]) -> Iterator[FieldProbe]:
    """The pairs as members, by the first name of their paths."""
    for pair in pairs:
        name = pair.path[0]
        others = {each: value for each, value in base.items() if each != name}
        without = others if pair.without is ABSENT else others | {name: pair.without}
        yield FieldProbe(".".join(pair.path), others | {name: pair.value}, without)


def _each(walk: SchemaWalk, properties: Json, *left_out: str) -> Iterator[Pair]:
    for name, schema in properties.items():
        if name not in left_out:
            yield from walk.pairs(schema, (name,))


# ------------------------------------------------------------------ Anthropic


def _anthropic() -> Iterator[FieldProbe]:
    found = schemas(ANTHROPIC)
    walk, chosen = SchemaWalk(found, _FIXED, _ALWAYS), SchemaWalk(found, _CHOSEN)
    properties = found["BetaCreateMessageParams"]["properties"]
    tools = [{"name": name, "input_schema": _SCHEMA} for name in ("look", "find")]
    base: Json = {"model": "m", "max_tokens": 9000, "messages": [{"role": "user", "content": "x"}], "tools": tools}
    apart = ("model", "messages", "tools", "system", "tool_choice")
    yield from _members(base, _each(walk, properties, *apart))
    yield from _members(base, chosen.pairs(properties["tool_choice"], ("tool_choice",)))
    yield from _around(base, "tools", tools, walk.pairs(_items(found, properties["tools"])))
    text = {"type": "text", "text": "t"}
    yield from _around(base, "system", [text], walk.pairs(found["BetaRequestTextBlock"]))
    blocks = found["BetaInputMessage"]["properties"]["content"]["anyOf"][1]["items"]
    called = {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "look", "input": {}}]}
    for role, before in (("user", [*base["messages"], called]), ("assistant", base["messages"])):
        for probe in _around({}, "content", [text], walk.pairs(blocks)):
            with_it, without = {"role": role} | probe.body, {"role": role} | probe.without
            path = f"messages.{role}.{probe.path}"
            yield FieldProbe(path, base | {"messages": [*before, with_it]}, base | {"messages": [*before, without]})


# ------------------------------------------------------------------ OpenAI


def _chat() -> Iterator[FieldProbe]:
    found = schemas(OPENAI)
    walk, chosen = SchemaWalk(found, _FIXED, _ALWAYS), SchemaWalk(found, _CHOSEN)
    properties = walk.merged(found["CreateChatCompletionRequest"])["properties"]
    tools = [{"type": "function", "function": {"name": name, "parameters": _SCHEMA}} for name in ("look", "find")]
    base: Json = {"model": "m", "max_tokens": 9000, "messages": [{"role": "user", "content": "x"}], "tools": tools}
    apart = ("model", "messages", "tools", "tool_choice", "functions", "function_call")
    yield from _members(base, _each(walk, properties, *apart))
    yield from _members(base, chosen.pairs(properties["tool_choice"], ("tool_choice",)))
    yield from _around(base, "tools", tools, walk.pairs(properties["tools"]["items"]))
    without_tools = {name: value for name, value in base.items() if name != "tools"}
    function = {"name": "look"}
    yield from _around(without_tools, "functions", [function], walk.pairs(properties["functions"]["items"]))
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    before = [*base["messages"], {"role": "assistant", "content": "y", "tool_calls": [call]}]
    yield from _around(base, "messages", before, walk.pairs(found["ChatCompletionRequestMessage"]))


def _responses() -> Iterator[FieldProbe]:
    return _responses_of(OPENAI, "CreateResponse", "InputItem")


def _open_responses() -> Iterator[FieldProbe]:
    return _responses_of(OPEN_RESPONSES, "CreateResponseBody", "ItemParam")


def _responses_of(document: str, request: str, item: str) -> Iterator[FieldProbe]:
    found = schemas(document)
    fixed = {"image_url": _URL}
    walk, chosen = SchemaWalk(found, _FIXED | fixed, _ALWAYS), SchemaWalk(found, _CHOSEN)
    properties = walk.merged(found[request])["properties"]
    tools = [{"type": "function", "name": name, "parameters": _SCHEMA, "strict": False} for name in ("look", "find")]
    base: Json = {
        "model": "m",
        "max_output_tokens": 9000,
        "input": [{"role": "user", "content": "x"}],
        "tools": tools,
    }
    yield from _members(base, _each(walk, properties, "model", "input", "tools", "tool_choice"))
    yield from _members(base, chosen.pairs(properties["tool_choice"], ("tool_choice",)))
    yield from _around(base, "tools", tools, walk.pairs(_items(found, properties["tools"])))
    before = [*base["input"], {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}]
    yield from _around(base, "input", before, walk.pairs(found[item]))


def _items(found: Json, schema: Json) -> Any:
    """The schema of the elements of a list that may also be null, or stand elsewhere."""
    while "items" not in schema:
        reference = schema.get("$ref")
        if reference is not None:
            schema = found[reference.rpartition("/")[2]]
        else:
            schema = next(each for each in schema.get("anyOf", schema.get("oneOf")) if each.get("type") != "null")
    return schema["items"]


_BUILDERS = {
    ANTHROPIC: _anthropic,
    OPENAI: _chat,
    f"{OPENAI} responses": _responses,
    OPEN_RESPONSES: _open_responses,
}
