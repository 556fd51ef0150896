"""Checks of a request to Ollama's API, which ignores fields that it does not know and refuses values of wrong types."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from services.dummy.api_error import ApiError
from services.dummy.fields import JsonBody

_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "bool": (bool,),
    "object": (dict,),
    "array": (list,),
    "number": (int, float),
}
_TOP = {
    "format": ("string", "object"),
    "keep_alive": ("string", "number"),
    "messages": ("array",),
    "model": ("string",),
    "options": ("object",),
    "stream": ("bool",),
    "think": ("bool", "string"),
    "tools": ("array",),
    "prompt": ("string",),
    "system": ("string",),
    "suffix": ("string",),
    "images": ("array",),
    "dimensions": ("number",),
}
_MESSAGE = {
    "content": ("string",),
    "images": ("array",),
    "role": ("string",),
    "thinking": ("string",),
    "tool_calls": ("array",),
    "tool_name": ("string",),
    "tool_call_id": ("string",),
}
_LEVELS = frozenset({"low", "medium", "high", "max"})


def check(body: JsonBody) -> None:
    """Check a request. Raises ApiError."""
    _types(body, _TOP, "Request")
    if not body.get("model"):
        raise ApiError("model is required")
    if isinstance(body.get("format"), str) and body["format"] not in {"", "json"}:
        raise ApiError(f'invalid format: "{body["format"]}"; expected "json" or a valid JSON Schema object')
    if isinstance(body.get("think"), str) and body["think"] not in _LEVELS:
        raise ApiError(
            f'invalid think value: "{body["think"]}" (must be "high", "medium", "low", "max", true, or false)'
        )
    for message in body.get("messages") or ():
        _message(message)
    for tool in body.get("tools") or ():
        _tool(tool)
    _images(body.get("images") or ())


def _message(message: Any) -> None:
    _types(message, _MESSAGE, "Request.messages")
    _images(message.get("images") or ())
    for call in message.get("tool_calls") or ():
        _types(call, {"id": ("string",), "function": ("object",)}, "Message.messages.tool_calls")
        of_function = {"name": ("string",), "arguments": ("object",), "index": ("number",)}
        _types(call.get("function") or {}, of_function, "ToolCallFunction.messages.tool_calls.function")


def _tool(tool: Any) -> None:
    _types(tool, {"type": ("string",), "function": ("object",)}, "Request.tools")
    of_function = {"name": ("string",), "description": ("string",), "parameters": ("object",)}
    _types(tool.get("function") or {}, of_function, "ToolFunction.tools.function")


def _images(images: Any) -> None:
    for image in images:
        try:
            if not isinstance(image, str) or not base64.b64decode(image, validate=True):
                raise ApiError("image: unknown format")
        except ValueError:  # binascii.Error among them
            raise ApiError("illegal base64 data at input byte 4") from None


def _types(value: Any, fields: Mapping[str, tuple[str, ...]], where: str) -> None:
    if not isinstance(value, dict):
        raise ApiError(f"json: cannot unmarshal {_name_of(value)} into Go value of type api.{where.partition('.')[0]}")
    for name, wanted in fields.items():
        given = value.get(name)
        allowed = tuple(kind for want in wanted for kind in _KINDS[want])
        if given is None or (isinstance(given, allowed) and (bool in allowed or not isinstance(given, bool))):
            continue
        message = f"json: cannot unmarshal {_name_of(given)} into Go struct field {where}.{name} of type {wanted[0]}"
        raise ApiError(message)


def _name_of(value: Any) -> str:
    return next((name for name, kinds in _KINDS.items() if isinstance(value, kinds)), "null")
