"""What the dummy refuses as Gemini does, and the framing of its streams."""

import base64
import json

import pytest

HELLO = {"role": "user", "parts": [{"text": "Hi"}]}
CALL = {"role": "model", "parts": [{"functionCall": {"name": "greet", "args": {}}}]}
RESULT = {"role": "user", "parts": [{"functionResponse": {"name": "greet", "response": {"is": "fine"}}}]}
PATH = "/v1beta/models/m:generateContent"


def function(**more):
    return {"tools": [{"functionDeclarations": [{"name": "greet"} | more]}]}


def refused(dummy, change, path=PATH):
    answer = dummy.send("POST", path, {"contents": [HELLO]} | change)
    error = answer.json()["error"]
    assert (answer.status, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    return error["message"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"messages": []}, 'Invalid JSON payload received. Unknown name "messages": Cannot find field.'),
        (
            {"generationConfig": {"max_tokens": 9}},
            "Invalid JSON payload received. Unknown name \"max_tokens\" at 'generation_config': Cannot find field.",
        ),
        (
            function(parameters={"type": "object", "additionalProperties": False}),
            'Invalid JSON payload received. Unknown name "additionalProperties" at \'tools[0].function_declarations[0]',
        ),
        (
            function(parameters={"type": "object", "properties": {"a": {"type": "integer", "enum": [1]}}}),
            "Invalid value at 'tools[0].function_declarations[0].parameters.properties[0].value.enum[0]' (TYPE_STR",
        ),
        (
            function(name="1st"),
            "* GenerateContentRequest.tools[0].function_declarations[0].name: Invalid function name.",
        ),
        (
            function(parameters={"type": "object", "properties": {}}),
            "* GenerateContentRequest.tools[0].function_declarations[0].parameters.properties: should be non-empty",
        ),
        (
            function(parameters={"type": "array"}),
            "* GenerateContentRequest.tools[0].function_declarations[0].parameters.items: missing field.",
        ),
        (
            {"toolConfig": {"functionCallingConfig": {"allowedFunctionNames": ["greet"]}}} | function(),
            "Allowed function names should be set only when function calling mode is ANY.",
        ),
        ({"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}, "Function calling config is set without"),
        ({"contents": []}, "* GenerateContentRequest.contents: contents is not specified"),
        (
            {"contents": [{"role": "user", "parts": []}]},
            "* GenerateContentRequest.contents[0].parts: contents.parts must",
        ),
        (
            {"contents": [{"role": "user", "parts": [{}]}]},
            "* GenerateContentRequest.contents[0].parts[0].data: required",
        ),
        ({"contents": [HELLO | {"role": "assistant"}]}, "Please use a valid role: user, model."),
        ({"contents": [HELLO, CALL]}, "Please ensure that single turn requests end with a user role"),
        ({"contents": [HELLO, CALL, HELLO]}, "Please ensure that the number of function response parts is equal"),
        ({"contents": [HELLO, RESULT]}, "Please ensure that function response turn comes immediately after"),
        ({"contents": [CALL, RESULT]}, "Please ensure that function call turn comes immediately after a user turn"),
        ({"generationConfig": {"temperature": 3}}, "* GenerateContentRequest.generation_config.temperature: must be"),
        (
            {"generationConfig": {"responseSchema": {"type": "STRING"}}},
            "Function calling with a response schema requires response_mime_type",
        ),
        (
            {"generationConfig": {"thinkingConfig": {"thinkingBudget": 9, "thinkingLevel": "low"}}},
            "You can only set only one of thinking budget and thinking level.",
        ),
    ],
)
def test_refused(dummy, change, message):
    """Unknown names, wrong types, functions, and the order of contents."""
    assert refused(dummy, change).startswith(message)


def test_both_spellings(dummy):
    """Names may have underscores, as proto has them."""
    body = {
        "contents": [HELLO, CALL, {"parts": [{"function_response": {"name": "greet", "response": {"is": "fine"}}}]}],
        "system_instruction": {"parts": [{"text": "Be kind."}]},
        "generation_config": {"max_output_tokens": 2},
    }
    assert dummy.send("POST", PATH, body).json()["candidates"][0]["finishReason"] == "MAX_TOKENS"


def test_a_stream_of_events(dummy):
    """With alt=sse lines end as Gemini's do."""
    answer = dummy.send("POST", "/v1beta/models/m:streamGenerateContent?alt=sse", {"contents": [HELLO]})
    assert answer.headers["Content-Type"] == "text/event-stream"
    *events, end = answer.data.split(b"\r\n\r\n")
    assert end == b""
    assert all(json.loads(event.removeprefix(b"data: "))["modelVersion"] == "m" for event in events)


@pytest.mark.parametrize("chunks", ["0", "1", "3"])
def test_a_stream_as_an_array(dummy, chunks):
    """Without alt=sse it is one JSON array."""
    path = "/v1beta/models/m:streamGenerateContent"
    answer = dummy.send("POST", path, {"contents": [HELLO]}, X_Dummy_Chunks=chunks, X_Dummy_Chunk_Delay_Ms="1")
    assert answer.headers["Content-Type"] == "application/json"
    parts = [item["candidates"][0]["content"]["parts"][0]["text"] for item in answer.json()]
    assert "".join(parts) == "You said: Hi"


@pytest.mark.parametrize("query", ["?alt=sse", ""])
def test_an_error_in_a_stream(dummy, query):
    """A stream may end with an error, in either framing."""
    path = f"/v1beta/models/m:streamGenerateContent{query}"
    headers = {"X_Dummy_Fail_After_Chunks": "2", "X_Dummy_Status": "503"}
    answer = dummy.send("POST", path, {"contents": [HELLO]}, **headers)
    items = answer.json() if not query else [json.loads(one[6:]) for one in answer.data.split(b"\r\n\r\n")[:-1]]
    assert len(items) == 3
    assert items[-1]["error"]["status"] == "UNAVAILABLE"


@pytest.mark.parametrize("query", ["?alt=sse", ""])
def test_an_error_at_the_beginning(dummy, query):
    """A stream that fails before its first item is an error."""
    path = f"/v1beta/models/m:streamGenerateContent{query}"
    headers = {"X_Dummy_Fail_After_Chunks": "0", "X_Dummy_Status": "503"}
    answer = dummy.send("POST", path, {"contents": [HELLO]}, **headers)
    assert (answer.status, answer.json()["error"]["status"]) == (503, "UNAVAILABLE")


def test_an_error_in_place_of_events(dummy):
    """It is said to be an event stream, and is none."""
    answer = dummy.send("POST", "/v1beta/models/m:streamGenerateContent?alt=sse", {"contents": []})
    assert (answer.status, answer.headers["Content-Type"]) == (400, "text/event-stream")
    assert answer.json()["error"]["code"] == 400


def test_the_time_to_wait(dummy):
    """Too many requests: the time to wait is in the body."""
    answer = dummy.send("POST", PATH, {"contents": [HELLO]}, X_Dummy_Status="429")
    (detail,) = answer.json()["error"]["details"]
    assert detail["retryDelay"] == "1s"


def test_embeddings(dummy):
    """One text or several; in a batch each names the model."""
    one = {"content": {"parts": [{"text": "Hello there!"}]}, "outputDimensionality": 4}
    made = dummy.send("POST", "/v1beta/models/m:embedContent", one).json()
    batch = {"requests": [one | {"model": "models/m"}] * 2}
    several = dummy.send("POST", "/v1beta/models/m:batchEmbedContents", batch).json()
    assert [item["values"] for item in several["embeddings"]] == [made["embedding"]["values"]] * 2
    assert refused(dummy, {"requests": [one]} | {"contents": None}, "/v1beta/models/m:batchEmbedContents")


def test_imagen(dummy):
    """Imagen makes as many images as asked for."""
    body = {"instances": [{"prompt": "A cat"}], "parameters": {"sampleCount": 2}}
    first, second = dummy.send("POST", "/v1beta/models/imagen:predict", body).json()["predictions"]
    assert first == second
    assert base64.b64decode(first["bytesBase64Encoded"]).startswith(b"\x89PNG")
    body["parameters"] = {"sampleCount": 9}
    assert dummy.send("POST", "/v1beta/models/imagen:predict", body).status == 400


@pytest.mark.parametrize("path", ["/v1beta/models/m:other", "/v1beta/other", "/v1beta/models/other"])
def test_unknown_paths(dummy, path):
    """What is not there is not found, in Gemini's form."""
    assert dummy.send("GET", path).json()["error"]["status"] == "NOT_FOUND"
