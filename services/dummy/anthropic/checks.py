"""Checks of the form of a request to Anthropic's API: names and types of fields."""

from __future__ import annotations

from typing import Any

from services.dummy.anthropic import content_checks, tool_checks
from services.dummy.anthropic.form import fields, number, text, wrong
from services.dummy.fields import JsonBody

_TOP = frozenset(
    {
        "cache_control",
        "container",
        "context_management",
        "diagnostics",
        "inference_geo",
        "max_tokens",
        "mcp_servers",
        "metadata",
        "output_config",
        "output_format",
        "service_tier",
        "speed",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    }
)
_COUNTED = _TOP - {"container", "inference_geo", "max_tokens", "metadata", "service_tier", "stop_sequences", "stream"}
_THINKING = {
    "enabled": (frozenset({"budget_tokens"}), frozenset({"display"})),
    "disabled": (frozenset(), frozenset()),
    "adaptive": (frozenset(), frozenset({"display"})),
    "between_tools": (frozenset(), frozenset()),
}
_EFFORTS = ("low", "medium", "high", "xhigh", "max")


def check(body: JsonBody, *, counts: bool) -> None:
    """Check a request for a message, or with `counts` one for a number of tokens. Raises ApiError."""
    required = {"model", "messages"} if counts else {"model", "messages", "max_tokens"}
    fields(body, "", required, _COUNTED if counts else _TOP)
    text(body["model"], "model", least=1)
    number(body.get("max_tokens"), "max_tokens", (1, None), is_integer=True)
    number(body.get("temperature"), "temperature", (0, 1))
    number(body.get("top_p"), "top_p", (0, 1))
    number(body.get("top_k"), "top_k", (0, None), is_integer=True)
    if not isinstance(body.get("stream", False), bool):
        raise wrong("stream", "Input should be a valid boolean")
    _stops(body)
    _thinking(body)
    _output(body)
    tool_checks.check(body)
    if "metadata" in body:
        fields(body["metadata"], "metadata", (), {"user_id"})
    content_checks.check(body)


def _thinking(body: JsonBody) -> None:
    thinking = body.get("thinking")
    if thinking is None:
        return
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    if not isinstance(kind, str) or kind not in _THINKING:
        tags = ", ".join(repr(one) for one in _THINKING)
        raise wrong(
            "thinking", f"Input tag '{kind}' found using 'type' does not match any of the expected tags: {tags}"
        )
    required, optional = _THINKING[kind]
    fields(thinking, f"thinking.{kind}", {"type", *required}, optional)
    if kind == "enabled":
        number(thinking["budget_tokens"], "thinking.enabled.budget_tokens", (1024, None), is_integer=True)
    if thinking.get("display", "summarized") not in ("summarized", "omitted", None):
        raise wrong(f"thinking.{kind}.display", "Input should be 'summarized' or 'omitted'")


def _output(body: JsonBody) -> None:
    config = body.get("output_config")
    if config is not None:
        fields(config, "output_config", (), {"effort", "format", "task_budget"})
        if config.get("effort", "low") not in (*_EFFORTS, None):
            raise wrong("output_config.effort", f"Input should be one of {', '.join(map(repr, _EFFORTS))}")
        _format(config.get("format"), "output_config.format")
    _format(body.get("output_format"), "output_format")


def _format(given: Any, where: str) -> None:
    if given is None:
        return
    fields(given, where, {"type", "schema"}, {"name"} if where == "output_format" else ())
    if given["type"] != "json_schema":
        raise wrong(f"{where}.type", "Input should be 'json_schema'")
    if not isinstance(given["schema"], dict):
        raise wrong(f"{where}.schema", "Input should be a valid dictionary")
    _closed(given["schema"], f"{where}.schema")


def _closed(schema: Any, where: str) -> None:
    """Objects of structured output must not have additional properties."""
    if isinstance(schema, list):
        for part in schema:
            _closed(part, where)
    elif isinstance(schema, dict):
        if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
            raise wrong(where, "For 'object' type, 'additionalProperties' must be explicitly set to false")
        for part in schema.values():
            _closed(part, where)


def _stops(body: JsonBody) -> None:
    stops = body.get("stop_sequences", [])
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
        raise wrong("stop_sequences", "Input should be a valid list of strings")
    if not all(stop.strip() for stop in stops):
        raise wrong("stop_sequences", "each stop sequence must contain non-whitespace")
