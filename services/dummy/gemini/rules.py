"""The rules between the parts of a request to the Gemini API. Messages are those of the API.

A request has the form of `shapes` already.
"""

from __future__ import annotations

import base64
import re
from typing import Any

from gecholog import rawjson
from services.dummy import signature
from services.dummy.api_error import ApiError
from services.dummy.fields import JsonBody

CALL = "call"
TEXT = "text"
# What may stand in place of a signature for calls that another model made
# (https://ai.google.dev/gemini-api/docs/thought-signatures), as it is or in base64 like all bytes.
_STAND_INS = ("context_engineering_is_the_way_to_go", "skip_thought_signature_validator")
NO_SIGNATURE = frozenset({*_STAND_INS, *(base64.b64encode(text.encode()).decode() for text in _STAND_INS)})

_ROLES = frozenset({"user", "model", "function"})
_DATA = frozenset(
    {
        "codeExecutionResult",
        "executableCode",
        "fileData",
        "functionCall",
        "functionResponse",
        "inlineData",
        "text",
        "toolCall",
        "toolResponse",
    }
)
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
_MODES = frozenset({"MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"})
_MOST_CANDIDATES = 8
_MOST_STOPS = 5


def check(body: JsonBody, *, thinks: bool) -> None:
    """Check a request. With `thinks`, calls of this turn need the signature that they came with. Raises ApiError."""
    contents = body.get("contents") or []
    if not contents:
        raise _missing("contents: contents is not specified")
    for index, content in enumerate(contents):
        _content(content, f"contents[{index}]")
    _pairs(contents)
    _tools(body)
    _generation(body.get("generationConfig", {}))
    _signatures(contents, is_needed=thinks)


def calls(content: JsonBody) -> list[JsonBody]:
    """Return the calls of functions in a content."""
    return [part["functionCall"] for part in content["parts"] if "functionCall" in part]


def responses(content: JsonBody) -> list[JsonBody]:
    """Return the results of functions in a content."""
    return [part["functionResponse"] for part in content["parts"] if "functionResponse" in part]


def signed(call: JsonBody) -> str:
    """Return what the signature of a call is made of. Whole numbers may come back as floats."""
    return rawjson.dumps([call["name"], _canonical(call.get("args", {}))]).decode()


def current_turn(contents: list[JsonBody]) -> int:
    """Return where the current turn begins: behind the last content of the user that has no results of functions."""
    starts = [
        index + 1
        for index, content in enumerate(contents)
        if content.get("role", "user") == "user" and not responses(content)
    ]
    return starts[-1] if starts else 0


def _content(content: JsonBody, where: str) -> None:
    if not content.get("parts"):
        raise _missing(f"{where}.parts: contents.parts must not be empty.")
    if content.get("role", "user") not in _ROLES:
        raise ApiError("Please use a valid role: user, model.")
    for index, part in enumerate(content["parts"]):
        place = f"{where}.parts[{index}]"
        if len(_DATA & part.keys()) != 1:
            raise _missing(f"{place}.data: required oneof field 'data' must have one initialized field")
        for kind in ("functionCall", "functionResponse"):
            if kind in part and not part[kind].get("name"):
                snake = "function_call" if kind == "functionCall" else "function_response"
                raise _missing(f"{place}.{snake}.name: Name cannot be empty.")
        if "functionResponse" in part and "response" not in part["functionResponse"]:
            raise _missing(f"{place}.function_response.response: response is required")
        for kind in ("inlineData", "fileData"):
            if kind in part and not part[kind].get("mimeType") and kind == "inlineData":
                raise _missing(f"{place}.inline_data.mime_type: must not be empty")


def _pairs(contents: list[JsonBody]) -> None:
    """Each turn with calls is followed by one with as many results, of the same names."""
    before: list[JsonBody] = []
    for index, content in enumerate(contents):
        called, answered = calls(content), responses(content)
        if called and content.get("role") != "model":
            raise ApiError("Please use a valid role: user, model. Function calls are made by the role model.")
        if answered and not before:
            raise ApiError("Please ensure that function response turn comes immediately after a function call turn.")
        if len(answered) != len(before) or sorted(one["name"] for one in answered) != sorted(
            one["name"] for one in before
        ):
            raise ApiError(
                "Please ensure that the number of function response parts is equal to the number of function call "
                "parts of the function call turn."
            )
        if called and (index == 0 or contents[index - 1].get("role") == "model"):
            raise ApiError(
                "Please ensure that function call turn comes immediately after a user turn or after a function "
                "response turn."
            )
        before = called
    if before:
        raise ApiError("Please ensure that single turn requests end with a user role or the role field is empty.")


# --------------------------------------------------------------------- tools


def _tools(body: JsonBody) -> None:
    names = []
    for index, tool in enumerate(body.get("tools") or []):
        for number, function in enumerate(tool.get("functionDeclarations", [])):
            place = f"tools[{index}].function_declarations[{number}]"
            if not _NAME.fullmatch(function.get("name", "")):
                raise _missing(f"{place}.name: Invalid function name. Must start with a letter or an underscore.")
            if "parameters" in function and "parametersJsonSchema" in function:
                raise _missing(f"{place}: parameters and parameters_json_schema are mutually exclusive.")
            _schema(function.get("parameters", {}), f"{place}.parameters")
            names.append(function["name"])
    if len(set(names)) < len(names):
        raise ApiError(f"Duplicate function declaration found: {next(n for n in names if names.count(n) > 1)}")
    config = body.get("toolConfig", {}).get("functionCallingConfig", {})
    mode, allowed = config.get("mode", "AUTO"), config.get("allowedFunctionNames")
    if mode not in _MODES:
        raise ApiError(f"Invalid value at 'tool_config.function_calling_config.mode' (TYPE_ENUM), \"{mode}\"")
    if allowed and mode not in {"ANY", "VALIDATED"}:
        raise ApiError("Allowed function names should be set only when function calling mode is ANY.")
    if allowed and not set(allowed) <= set(names):
        raise ApiError("allowed_function_names contains a function that is not declared.")
    if mode == "ANY" and not names:
        raise ApiError("Function calling config is set without function_declarations.")


def _schema(schema: JsonBody, where: str) -> None:
    kind = schema.get("type", "").upper()
    if kind == "OBJECT" and schema.get("properties") == {}:
        raise _missing(f"{where}.properties: should be non-empty for OBJECT type")
    if kind == "ARRAY" and "items" not in schema:
        raise _missing(f"{where}.items: missing field.")
    if schema.get("enum") and kind != "STRING":
        raise _missing(f"{where}.enum: only allowed for STRING type")
    missing = [name for name in schema.get("required", ()) if name not in schema.get("properties", {})]
    if missing:
        raise _missing(f"{where}.required[0]: property is not defined")
    for name, part in schema.get("properties", {}).items():
        _schema(part, f"{where}.properties[{name}]")
    if "items" in schema:
        _schema(schema["items"], f"{where}.items")
    for index, part in enumerate(schema.get("anyOf", ())):
        _schema(part, f"{where}.any_of[{index}]")


def _generation(config: JsonBody) -> None:
    for name, least, most in (
        ("temperature", 0, 2),
        ("topP", 0, 1),
        ("maxOutputTokens", 1, None),
        ("candidateCount", 1, _MOST_CANDIDATES),
    ):
        value = config.get(name)
        if value is not None and (float(value) < least or (most is not None and float(value) > most)):
            raise _missing(f"generation_config.{name}: must be from {least} to {most if most is not None else 'any'}")
    if len(config.get("stopSequences", ())) > _MOST_STOPS:
        raise _missing(f"generation_config.stop_sequences: at most {_MOST_STOPS} are allowed")
    schemas = [name for name in ("responseSchema", "responseJsonSchema") if name in config]
    if len(schemas) > 1:
        raise ApiError("response_schema and response_json_schema are mutually exclusive.")
    if schemas and config.get("responseMimeType") not in {"application/json", "text/x.enum"}:
        raise ApiError("Function calling with a response schema requires response_mime_type: application/json.")
    if "responseSchema" in config:
        _schema(config["responseSchema"], "generation_config.response_schema")
    thinking = config.get("thinkingConfig", {})
    if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
        raise ApiError("You can only set only one of thinking budget and thinking level.")


# ---------------------------------------------------------------- signatures


def _signatures(contents: list[JsonBody], *, is_needed: bool) -> None:
    start = current_turn(contents)
    for index, content in enumerate(contents):
        is_first = True
        for place, part in enumerate(content["parts"]):
            given = part.get("thoughtSignature")
            call = part.get("functionCall")
            if given is not None and given not in NO_SIGNATURE and not _is_valid(given, call):
                raise ApiError("Corrupted thought signature.", param=f"contents[{index}].parts[{place}]")
            if call is None:
                continue
            if is_first and given is None and is_needed and index >= start:
                raise ApiError(
                    "Function call is missing a thought_signature in functionCall parts. This is required for tools to "
                    "work correctly, and missing thought_signature may lead to degraded model performance. Additional "
                    f"data, function call `default_api:{call['name']}`, position {index + 1}."
                )
            is_first = False


def _is_valid(given: str, call: JsonBody | None) -> bool:
    if call is None:
        return signature.is_valid(given, TEXT, "")  # a text may be joined with others on its way
    return signature.is_valid(given, CALL, signed(call))


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _canonical(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _missing(what: str) -> ApiError:
    return ApiError(f"* GenerateContentRequest.{what}\n", param=what.partition(":")[0])
