"""Forced tool calls."""

import json

import pytest

from services.dummy.api_error import ApiError
from services.dummy.tools import allowed, call_of, forced
from services.dummy.turn import ToolUse

WEATHER = {
    "name": "weather",
    "parameters": {
        "type": "object",
        "properties": {
            "place": {"type": "string"},
            "days": {"type": "integer"},
            "share": {"type": "number"},
            "now": {"type": "boolean"},
            "unit": {"enum": ["C", "F"]},
            "tags": {"type": "array"},
            "at": {"type": "object", "properties": {"name": {"type": "string"}}},
            "odd": {"type": ["string", "null"]},
        },
    },
}
TOOLS = [{"type": "function", "function": {"name": "time"}}, {"type": "function", "function": WEATHER}]


@pytest.mark.parametrize("choice", [None, "none", "auto"])
def test_left_alone(choice):
    """A tool that is not forced is not called."""
    assert forced({"tools": TOOLS, "tool_choice": choice}) is None


def test_required():
    """If any tool is allowed, the first is called."""
    assert forced({"tools": TOOLS, "tool_choice": "required"})["name"] == "time"


def test_named():
    """A named function is called."""
    choice = {"type": "function", "function": {"name": "weather"}}
    assert forced({"tools": TOOLS, "tool_choice": choice}) is WEATHER


@pytest.mark.parametrize(
    "body",
    [
        {"tool_choice": "required"},
        {"tool_choice": "required", "tools": [7, {"function": 7}, {"function": {}}]},
        {"tool_choice": "maybe", "tools": TOOLS},
        {"tool_choice": 7, "tools": TOOLS},
        {"tool_choice": {"function": 7}, "tools": TOOLS},
        {"tool_choice": {"function": {"name": "other"}}, "tools": TOOLS},
    ],
)
def test_refused(body):
    """An impossible choice is refused."""
    with pytest.raises(ApiError) as caught:
        forced(body)
    assert caught.value.param == "tool_choice"


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        (None, ["time", "weather"]),
        ("auto", ["time", "weather"]),
        ("none", []),
        ("required", ["time", "weather"]),
        ({"type": "function", "function": {"name": "weather"}}, ["weather"]),
    ],
)
def test_allowed(choice, names):
    """A tool that is named excludes the others."""
    assert [tool.name for tool in allowed({"tools": TOOLS, "tool_choice": choice})] == names


def test_a_call():
    """Arguments are JSON in a text."""
    made = call_of(ToolUse("weather", {"place": "Oslo"}), "1")
    assert (made["id"], made["type"]) == ("call_1", "function")
    assert json.loads(made["function"]["arguments"]) == {"place": "Oslo"}
