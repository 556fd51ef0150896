"""Walks a JSON Schema and makes pairs of values that differ in one field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

Json = dict[str, Any]
MARK = "zq"
"""What the texts of fields begin with, to be found again in whatever is made of them."""
_INTEGER, _NUMBER = 7, 0.25


class Absent:
    """The type of `ABSENT`."""


ABSENT = Absent()


class Pair(NamedTuple):
    """A value with the field at `path`, and one without it, which may be `ABSENT`."""

    path: tuple[str, ...]
    value: Any
    without: Any


class SchemaWalk:
    """The fields of the schemas of one OpenAPI document.

    `fixed` has values of members, by their names, that must fit to something else: ids, base64, URLs. Those in `always`
    are there in all objects that may have them.
    """

    def __init__(self, schemas: Json, fixed: Json, always: tuple[str, ...] = ()) -> None:
        self._schemas = schemas
        self._fixed = fixed
        self._always = always

    def pairs(self, schema: Json, path: tuple[str, ...] = (), above: tuple[str, ...] = ()) -> Iterator[Pair]:
        """Yield a pair for each field, each alternative and each word of a schema. `above` are references around it."""
        if (name := _reference(schema)) is not None:
            if name not in above:
                yield from self.pairs(self._schemas[name], path, (*above, name))
            return
        schema = self.merged(schema)
        if alternatives := _alternatives(schema):
            for each in alternatives:
                yield from self.pairs(each, (*path, *self._label(each)), above)
        elif schema.get("properties"):
            yield from self._of_object(schema, path, above)
        elif schema.get("type") == "array" and "items" in schema:
            for pair in self.pairs(schema["items"], (*path, "[]"), above):
                yield Pair(pair.path, [pair.value], ABSENT if pair.without is ABSENT else [pair.without])
        elif not _is_null(schema):
            yield from _of_scalar(schema, path)

    def merged(self, schema: Json) -> Json:
        """A schema with those of its `allOf` in it."""
        if "allOf" not in schema:
            return schema
        found: Json = {name: value for name, value in schema.items() if name != "allOf"}
        found["properties"], found["required"] = dict(found.get("properties", {})), list(found.get("required", ()))
        for each in schema["allOf"]:
            name = _reference(each)
            inner = self.merged(each if name is None else self._schemas[name])
            found["properties"] |= inner.get("properties", {})
            found["required"] += inner.get("required", ())
            found |= {key: value for key, value in inner.items() if key not in ("properties", "required", "default")}
        return found

    def _least(self, schema: Json, name: str = "") -> Any:
        """The simplest value of a schema, for the member `name`."""
        if name in self._fixed:
            return self._fixed[name]
        reference = _reference(schema)
        schema = self.merged(schema if reference is None else self._schemas[reference])
        alternatives = _alternatives(schema)
        if alternatives:
            return self._least(alternatives[0], name)
        if words := _words(schema):
            return words[0]
        match None if _is_null(schema) else _type(schema):
            case "object":
                return self._least_object(schema)
            case "array":
                has_one = schema.get("minItems") or name in self._always
                return [self._least(schema["items"], name)] if has_one else []
        simple = {"integer": max(1, schema.get("minimum", 1)), "boolean": False, "string": f"plain {name}"}
        return None if _is_null(schema) else simple.get(str(_type(schema)), f"plain {name}")

    def _least_object(self, schema: Json) -> Json:
        properties = schema.get("properties", {})
        names = (*schema.get("required", ()), *(name for name in self._always if name in properties))
        return {name: self._least(properties.get(name, {}), name) for name in dict.fromkeys(names)}

    def _of_object(self, schema: Json, path: tuple[str, ...], above: tuple[str, ...]) -> Iterator[Pair]:
        least = self._least_object(schema)
        if least:
            yield Pair(path, least, ABSENT)
        for name, inner in schema["properties"].items():
            if name in self._fixed:
                if name not in least:
                    yield Pair((*path, name), least | {name: self._fixed[name]}, least)
                continue
            for pair in self.pairs(inner, (*path, name), above):
                if name in least and pair.value == least[name]:
                    continue
                without = least if pair.without is ABSENT else least | {name: pair.without}
                yield Pair(pair.path, least | {name: pair.value}, without)

    def _label(self, schema: Json) -> tuple[str, ...]:
        """How an alternative is told from others: by its type, or the role of a message."""
        name = _reference(schema)
        inner = self.merged(schema if name is None else self._schemas[name])
        for told in ("type", "role"):
            kind = inner.get("properties", {}).get(told, {})
            word = kind.get("const") or next(iter(kind.get("enum", ())), None)
            if isinstance(word, str):
                return (f"<{word}>",)
        return ()


def _of_scalar(schema: Json, path: tuple[str, ...]) -> Iterator[Pair]:
    """Values that are not the default, which of a boolean is False unless another one is told."""
    if words := _words(schema):
        for word in words:
            if word != schema.get("default", ABSENT):
                yield Pair((*path, f"={word}"), word, ABSENT)
        return
    match _type(schema):
        case "boolean":
            value = schema.get("default") is not True
            yield Pair((*path, f"={value}"), value, ABSENT)
        case "integer":
            yield Pair(path, max(_INTEGER, schema.get("minimum", _INTEGER)), ABSENT)
        case "number":
            yield Pair(path, max(_NUMBER, schema.get("minimum", _NUMBER)), ABSENT)
        case "object":
            yield Pair(path, {f"{MARK}key": f"{MARK}value"}, ABSENT)
        case "array":
            yield Pair(path, [f"{MARK}item"], ABSENT)
        case _:
            yield Pair(path, f"{MARK}{path[-1].strip('[]<>')}", ABSENT)


def _reference(schema: Json) -> str | None:
    found = schema.get("$ref")
    return found.rpartition("/")[2] if isinstance(found, str) else None


def _words(schema: Json) -> list[Any]:
    """The words of which a value is one."""
    return [word for word in schema.get("enum", [schema.get("const")]) if word is not None]


def _is_null(schema: Json) -> bool:
    """Whether a schema has null as its only value."""
    listed = [*schema.get("anyOf", ()), *schema.get("oneOf", ())] or [schema]
    return all(each.get("type") == "null" for each in listed)


def _alternatives(schema: Json) -> list[Json]:
    found = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return [each for each in found if each.get("type") != "null"]


def _type(schema: Json) -> Any:
    """The type; of several the first one that is not null."""
    found = schema.get("type", "object" if "properties" in schema else None)
    return next((each for each in found if each != "null"), None) if isinstance(found, list) else found
