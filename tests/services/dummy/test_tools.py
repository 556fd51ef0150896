"""Forced tool calls."""

import json

import pytest

from services.dummy.api_error import ApiError
from services.dummy.tools import call, forced

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


def test_arguments():
    """Arguments fit the parameters, and texts are the user's."""
    tool_call = call(WEATHER, "Oslo", "1")
    assert json.loads(tool_call["function"]["arguments"]) == {
        "place": "Oslo",
        "days": 1,
        "share": 1.5,
        "now": True,
        "unit": "C",
        "tags": [],
        "at": {"name": "Oslo"},
        "odd": None,
    }


def test_without_parameters():
    """A function without parameters is called with none."""
    assert call({"name": "time"}, "", "1")["function"]["arguments"] == "{}"
