"""What the dummy refuses as Ollama does, and what it lets pass."""

import json

import pytest

HELLO = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": ""}, "model is required"),
        ({"messages": "Hi"}, "json: cannot unmarshal string into Go struct field Request.messages of type array"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "json: cannot unmarshal array into Go"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "a", "arguments": "{}"}}]}]},
            "json: cannot unmarshal string into Go struct field ToolCallFunction.messages.tool_calls.function.arg",
        ),
        ({"messages": [HELLO | {"images": ["https://example.com/a.png"]}]}, "illegal base64 data"),
        ({"messages": [HELLO | {"images": ["ä"]}]}, "illegal base64 data"),
        ({"stream": "yes"}, "json: cannot unmarshal string into Go struct field Request.stream of type bool"),
        ({"format": "xml"}, 'invalid format: "xml"'),
        ({"think": "minimal"}, 'invalid think value: "minimal"'),
    ],
)
def test_refused(dummy, change, message):
    """Wrong types and values, with the messages of Ollama."""
    answer = dummy.send("POST", "/api/chat", {"model": "m", "messages": [HELLO]} | change)
    assert answer.status == 400
    assert answer.json()["error"].startswith(message)


def test_unknown_fields(dummy):
    """Fields that Ollama does not know are ignored."""
    body = {"model": "m", "messages": [HELLO | {"name": "Ann"}], "tool_choice": "none", "stream": False}
    assert dummy.send("POST", "/api/chat", body).json()["message"]["content"] == "You said: Hi"


def test_lines(dummy):
    """An answer is streamed unless the request forbids it: each line is one JSON object, and the last is done."""
    answer = dummy.send("POST", "/api/chat", {"model": "m", "messages": [HELLO]})
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.data.splitlines()]
    assert [line["done"] for line in lines] == [False] * 4 + [True]


def test_unknown_paths(dummy):
    """What is not there is not found, in Ollama's form."""
    answer = dummy.send("POST", "/api/other", {})
    assert (answer.status, answer.json()) == (404, {"error": "404 page not found"})
    assert dummy.send("GET", "/api/chat").status == 405
