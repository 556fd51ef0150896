"""The messages of the Gemini API: which fields they have, and of what types (https://ai.google.dev/api/generate-content).

Names may be written in snake_case as well. A field that is not listed is refused, as the API refuses it.
"""

from __future__ import annotations

import re
from typing import Any

from services.dummy.api_error import ApiError

ANY = "any"
TEXT = "TYPE_STRING"
BOOL = "TYPE_BOOL"
INT = "TYPE_INT32"
NUMBER = "TYPE_FLOAT"
STRUCT = "Struct"

# A list is a repeated field, a dict of one star a map.
Shape = Any
_SHAPES: dict[str, dict[str, Shape]] = {
    "GenerateContent": {
        "cachedContent": TEXT,
        "contents": ["Content"],
        "generationConfig": "GenerationConfig",
        "model": TEXT,
        "safetySettings": ["SafetySetting"],
        "serviceTier": TEXT,
        "store": BOOL,
        "systemInstruction": "Content",
        "toolConfig": "ToolConfig",
        "tools": ["Tool"],
    },
    "CountTokens": {"contents": ["Content"], "generateContentRequest": "GenerateContent"},
    "EmbedContent": {
        "content": "Content",
        "model": TEXT,
        "outputDimensionality": INT,
        "taskType": TEXT,
        "title": TEXT,
    },
    "BatchEmbedContents": {"requests": ["EmbedContent"]},
    "Predict": {"instances": ["Instance"], "parameters": STRUCT},
    "Instance": {"prompt": TEXT, "image": ANY, "referenceImages": ANY},
    "Content": {"parts": ["Part"], "role": TEXT},
    "Part": {
        "codeExecutionResult": ANY,
        "executableCode": ANY,
        "fileData": "FileData",
        "functionCall": "FunctionCall",
        "functionResponse": "FunctionResponse",
        "inlineData": "Blob",
        "mediaResolution": ANY,
        "partMetadata": ANY,
        "text": TEXT,
        "thought": BOOL,
        "thoughtSignature": TEXT,
        "toolCall": ANY,
        "toolResponse": ANY,
        "videoMetadata": ANY,
    },
    "Blob": {"data": TEXT, "displayName": TEXT, "mimeType": TEXT},
    "FileData": {"displayName": TEXT, "fileUri": TEXT, "mimeType": TEXT},
    "FunctionCall": {"args": STRUCT, "id": TEXT, "name": TEXT},
    "FunctionResponse": {
        "id": TEXT,
        "name": TEXT,
        "parts": [ANY],
        "response": STRUCT,
        "scheduling": TEXT,
        "willContinue": BOOL,
    },
    "SafetySetting": {"category": TEXT, "method": TEXT, "threshold": TEXT},
    "Tool": {
        "codeExecution": ANY,
        "computerUse": ANY,
        "fileSearch": ANY,
        "functionDeclarations": ["FunctionDeclaration"],
        "googleMaps": ANY,
        "googleSearch": ANY,
        "googleSearchRetrieval": ANY,
        "mcpServers": ANY,
        "urlContext": ANY,
    },
    "FunctionDeclaration": {
        "behavior": TEXT,
        "description": TEXT,
        "name": TEXT,
        "parameters": "Schema",
        "parametersJsonSchema": ANY,
        "response": "Schema",
        "responseJsonSchema": ANY,
    },
    "ToolConfig": {
        "functionCallingConfig": "FunctionCallingConfig",
        "includeServerSideToolInvocations": BOOL,
        "retrievalConfig": ANY,
    },
    "FunctionCallingConfig": {"allowedFunctionNames": [TEXT], "mode": TEXT, "streamFunctionCallArguments": BOOL},
    "GenerationConfig": {
        "candidateCount": INT,
        "enableEnhancedCivicAnswers": BOOL,
        "frequencyPenalty": NUMBER,
        "imageConfig": ANY,
        "logprobs": INT,
        "maxOutputTokens": INT,
        "mediaResolution": TEXT,
        "presencePenalty": NUMBER,
        "responseFormat": ANY,
        "responseJsonSchema": ANY,
        "responseLogprobs": BOOL,
        "responseMimeType": TEXT,
        "responseModalities": [TEXT],
        "responseSchema": "Schema",
        "seed": INT,
        "speechConfig": ANY,
        "stopSequences": [TEXT],
        "temperature": NUMBER,
        "thinkingConfig": "ThinkingConfig",
        "topK": NUMBER,
        "topP": NUMBER,
    },
    "ThinkingConfig": {"includeThoughts": BOOL, "thinkingBudget": INT, "thinkingLevel": TEXT},
    # OpenAPI's subset of JSON Schema: `additionalProperties`, `$ref` and others are for the fields …JsonSchema.
    "Schema": {
        "anyOf": ["Schema"],
        "default": ANY,
        "description": TEXT,
        "enum": [TEXT],
        "example": ANY,
        "format": TEXT,
        "items": "Schema",
        "maxItems": INT,
        "maxLength": INT,
        "maxProperties": INT,
        "maximum": NUMBER,
        "minItems": INT,
        "minLength": INT,
        "minProperties": INT,
        "minimum": NUMBER,
        "nullable": BOOL,
        "pattern": TEXT,
        "properties": {"*": "Schema"},
        "propertyOrdering": [TEXT],
        "required": [TEXT],
        "title": TEXT,
        "type": TEXT,
    },
}
_NUMBER = re.compile(r"-?[0-9]{1,19}")


def read(value: Any, shape: Shape, where: str = "") -> Any:
    """Return a value with its names in camelCase. Raises ApiError for a field that its message does not have."""
    if isinstance(shape, list):
        listed = value if isinstance(value, list) else [value]  # one value is taken for a list of one
        return [read(item, shape[0], f"{where}[{index}]") for index, item in enumerate(listed)]
    if isinstance(shape, dict):
        return {
            name: read(part, shape["*"], f"{where}[{index}].value")
            for index, (name, part) in enumerate(_object(value, where).items())
        }
    if shape in _SHAPES:
        return _message(_object(value, where), _SHAPES[shape], where)
    if not _fits(value, shape):
        raise _invalid(f"Invalid value at '{where}' ({shape}), {value!r}", where)
    return value


def _message(value: dict[str, Any], fields: dict[str, Shape], where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for given, part in value.items():
        name = _camel(given)
        if name not in fields:
            place = f" at '{where}'" if where else ""
            raise _invalid(f'Invalid JSON payload received. Unknown name "{given}"{place}: Cannot find field.', where)
        if part is not None:
            found[name] = read(part, fields[name], f"{where}.{_snake(name)}" if where else _snake(name))
    return found


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _invalid(f"Invalid value at '{where}', {value!r}", where)
    return value


def _fits(value: Any, shape: str) -> bool:
    match shape:
        case "TYPE_STRING":
            return isinstance(value, str)
        case "TYPE_BOOL":
            return isinstance(value, bool)
        case "TYPE_INT32":
            is_text = isinstance(value, str) and _NUMBER.fullmatch(value) is not None
            return is_text or (isinstance(value, int | float) and not isinstance(value, bool) and value == int(value))
        case "TYPE_FLOAT":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "Struct":
            return isinstance(value, dict)
        case _:
            return True


def _invalid(message: str, where: str) -> ApiError:
    return ApiError(message, param=where)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda found: "_" + found[1].lower(), name)
