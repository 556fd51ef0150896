"""The dummy over HTTP, as OpenAI's client sees it."""

import json
import socket

import openai
import pytest

HELLO = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello there!"}]
TOOL = {"type": "function", "function": {"name": "greet", "parameters": {"properties": {"words": {"type": "string"}}}}}


def chat(llm, **more):
    return llm.chat.completions.create(**{"model": "m-1", "messages": HELLO} | more)


def test_chat(llm):
    """A chat completion has the words of the user, and the right usage."""
    answer = chat(llm)
    assert answer.model == "m-1"
    assert answer.choices[0].message.content == "You said: Hello there!"
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (6, 6, 12)


def test_parts(llm):
    """A message in parts is answered with its texts."""
    parts = [
        {"type": "text", "text": "Hel"},
        {"type": "image_url", "image_url": {"url": "x"}},
        {"type": "text", "text": "lo"},
    ]
    assert chat(llm, messages=[{"role": "user", "content": parts}]).choices[0].message.content == "You said: Hello"


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_limits(llm, limit):
    """A limit cuts each of the choices, and all of them are counted."""
    answer = chat(llm, n=3, **{limit: 4})
    assert [choice.message.content for choice in answer.choices] == ["You said: Hello"] * 3
    assert {choice.finish_reason for choice in answer.choices} == {"length"}
    assert answer.usage.completion_tokens == 12


def test_stop(llm):
    """A response ends before a stop sequence."""
    assert chat(llm, stop=["there"]).choices[0].message.content == "You said: Hello "


@pytest.mark.parametrize(
    "more", [{}, {"n": 3}, {"max_tokens": 4}, {"stop": "there"}, {"extra_headers": {"X-Dummy-Chunks": "20"}}]
)
def test_stream_is_the_same(llm, more):
    """Streamed or not, texts, finish reasons and usage are the same."""
    plain = chat(llm, **more)
    text_input = [""] * len(plain.choices)
    reasons, usage = {}, None
    for event in chat(llm, stream=True, stream_options={"include_usage": True}, **more):
        usage = event.usage or usage
        for choice in event.choices:
            text_input[choice.index] += choice.delta.content or ""
            reasons[choice.index] = choice.finish_reason or reasons.get(choice.index)
    assert text_input == [choice.message.content for choice in plain.choices]
    assert list(reasons.values()) == [choice.finish_reason for choice in plain.choices]
    assert usage == plain.usage


@pytest.mark.parametrize("delay", ["0", "1"])
def test_chunks(llm, delay):
    """A stream has the requested number of chunks of text, between the first event and the last."""
    headers = {"X-Dummy-Chunks": "50", "X-Dummy-Chunk-Delay-Ms": delay, "X-Dummy-Latency-Ms": "1"}
    events = list(chat(llm, stream=True, extra_headers=headers))
    assert [bool(event.choices[0].delta.content) for event in events] == [False, *[True] * 50, False]
    assert all(event.usage is None for event in events)


@pytest.mark.parametrize("stream", [True, False])
def test_half_characters(dummy, stream):
    """Text with half a surrogate pair, which is valid JSON but not UTF-8, gets a response."""
    body = b'{"model":"m\\ud800","messages":[{"role":"user","content":"\\ud800"}],"stream":%s}'
    answer = dummy.send("POST", "/v1/chat/completions", body % json.dumps(stream).encode())
    assert answer.status == 200
    assert b"You said: ?" in answer.data or b'" ?"' in answer.data


def test_the_bytes_of_a_stream(dummy):
    """Each event is a line of data and an empty line, and the last is `[DONE]`. A NUL in a name does no harm."""
    body = {"model": "m\0", "messages": HELLO, "stream": True}
    answer = dummy.send("POST", "/v1/chat/completions", body)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    *events, done, end = answer.data.decode().split("\n\n")
    assert (done, end) == ("data: [DONE]", "")
    assert {json.loads(event.removeprefix("data: "))["model"] for event in events} == {"m\0"}


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "greet"}}])
def test_tool_call(llm, choice):
    """A forced tool is called, streamed or not."""
    plain = chat(llm, tools=[TOOL], tool_choice=choice)
    called = plain.choices[0].message.tool_calls[0].function
    assert (called.name, json.loads(called.arguments)) == ("greet", {"words": "Hello there!"})
    assert plain.choices[0].finish_reason == "tool_calls"
    events = list(chat(llm, tools=[TOOL], tool_choice=choice, stream=True, stream_options={"include_usage": True}))
    assert events[0].choices[0].delta.tool_calls[0].function.model_dump() == called.model_dump()
    assert events[1].choices[0].finish_reason == "tool_calls"
    assert events[-1].usage == plain.usage


def test_tools_are_left_alone(llm):
    """An optional tool is not called, unless the user names it."""
    assert chat(llm, tools=[TOOL]).choices[0].message.tool_calls is None


@pytest.mark.parametrize("parallel", [True, False])
def test_a_loop_with_tools(llm, parallel):
    """Tools that the user names are called, together or one after the other; their results become a text."""
    messages = [{"role": "user", "content": "greet and greet"}]
    rounds = []
    while True:
        message = chat(llm, messages=messages, tools=[TOOL], parallel_tool_calls=parallel).choices[0].message
        if not message.tool_calls:
            break
        rounds.append(len(message.tool_calls))
        messages.append(message.model_dump(exclude_none=True))
        messages += [{"role": "tool", "tool_call_id": call.id, "content": "done"} for call in message.tool_calls]
    assert rounds == ([2] if parallel else [1, 1])
    assert message.content == ("The tools said: done; done" if parallel else "The tools said: done")


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "tool", "tool_call_id": "1", "content": "done"}],
        [{"role": "assistant", "tool_calls": [{"id": "1"}]}],
        [{"role": "assistant", "tool_calls": [{"id": "1"}]}, {"role": "user", "content": "Hi"}],
        [{"role": "assistant", "tool_calls": [{"id": "1"}]}, {"role": "tool", "tool_call_id": "2", "content": "done"}],
    ],
)
def test_calls_without_results(llm, messages):
    """Each call needs its result, and each result its call."""
    with pytest.raises(openai.BadRequestError, match="tool_call"):
        chat(llm, messages=messages)


def test_structured_output(llm):
    """The text is JSON that fits the schema."""
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}
    form = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema}}
    made = chat(llm, response_format=form).choices[0].message.content
    assert json.loads(made) == {"name": "Hello there!", "age": 1}
    assert json.loads(chat(llm, response_format={"type": "json_object"}).choices[0].message.content)


def test_completions(llm):
    """The older API with several prompts, streamed or not."""
    answer = llm.completions.create(model="m", prompt=["Hello", "there"], n=2)
    assert [choice.text for choice in answer.choices] == ["You said: Hello"] * 2 + ["You said: there"] * 2
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (2, 16)
    events = llm.completions.create(model="m", prompt="Hello", stream=True, max_tokens=3)
    assert "".join(event.choices[0].text for event in events) == "You said:"


@pytest.mark.parametrize(
    ("given", "number", "tokens"),
    [("Hello there", 1, 2), (["a", "b c"], 2, 3), ([1, 2, 3], 1, 3), ([[1], [2, 3]], 2, 3)],
)
def test_embeddings(llm, given, number, tokens):
    """Each text has a vector, given as text or as token numbers, in both encodings."""
    packed = llm.embeddings.create(model="m", input=given, dimensions=16)
    plain = llm.embeddings.create(model="m", input=given, dimensions=16, encoding_format="float")
    assert [len(entry.embedding) for entry in packed.data] == [16] * number
    assert packed.data[0].embedding == pytest.approx(plain.data[0].embedding, abs=1e-6)
    assert packed.usage.total_tokens == tokens


def test_models(llm):
    """The models are listed. Another model is unknown."""
    assert "dummy" in [model.id for model in llm.models.list()]
    assert llm.models.retrieve("dummy").id == "dummy"
    with pytest.raises(openai.NotFoundError) as caught:
        llm.models.retrieve("other")
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"model": ""}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": [7]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"n": 0}, "n"),
        ({"n": 1000}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"stop": ["1", "2", "3", "4", "5"]}, "stop"),
        ({"stop": [1]}, "stop"),
        ({"extra_body": {"stream": "yes"}}, "stream"),
        ({"extra_body": {"stream_options": 7}}, "stream_options"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"extra_headers": {"X-Dummy-Chunks": "many"}}, "X-Dummy-Chunks"),
    ],
)
def test_bad_requests(llm, more, param):
    """Wrong fields are named, in the form that the client knows."""
    with pytest.raises(openai.BadRequestError) as caught:
        chat(llm, **more)
    assert (caught.value.param, caught.value.type) == (param, "invalid_request_error")


@pytest.mark.parametrize("given", ["", [], [""], [[]], 7, [1.5]])
def test_bad_inputs(llm, given):
    """An empty input has no vectors."""
    with pytest.raises(openai.BadRequestError) as caught:
        llm.embeddings.create(model="m", input=given)
    assert caught.value.param == "input"


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff"])
def test_bad_json(dummy, data):
    """A body that is not a JSON object is refused."""
    answer = dummy.send("POST", "/v1/chat/completions", data)
    assert answer.status == 400
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("field", "path"), [("messages", "chat/completions"), ("prompt", "completions"), ("input", "embeddings")]
)
def test_missing_fields(dummy, field, path):
    """A missing field is named."""
    error = dummy.send("POST", f"/v1/{path}", {"model": "m"}).json()["error"]
    assert (error["param"], error["code"]) == (field, "missing_required_parameter")


def test_unknown_path(dummy):
    """An unknown path is not found."""
    answer = dummy.send("POST", "/v1/nothing", {})
    assert (answer.status, answer.json()["error"]["code"]) == (404, "unknown_url")


def test_wrong_method(dummy):
    """A wrong method gets the right one in the response."""
    answer = dummy.send("GET", "/v1/embeddings")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert dummy.send("DELETE", "/v1/models").status == 405


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("401", openai.AuthenticationError),
        ("429", openai.RateLimitError),
        ("503", openai.InternalServerError),
        ("599", openai.APIStatusError),
    ],
)
def test_errors_to_order(llm, status, error):
    """The client raises the same exceptions as with OpenAI."""
    with pytest.raises(error):
        chat(llm, extra_headers={"X-Dummy-Status": status})


def test_error_rate(start):
    """Of 20 requests 5 fail at a rate of a quarter."""
    with start(error_rate=0.25).client() as llm:
        failed = 0
        for _ in range(20):
            try:
                chat(llm)
            except openai.InternalServerError:
                failed += 1
    assert failed == 5


def test_keys(start):
    """With keys in the config a wrong key is refused. No key is logged."""
    running = start(api_keys=["key-number-1", "key-number-2"])
    with running.client("key-number-2") as good, running.client("key-number-3") as bad:
        assert chat(good).choices
        with pytest.raises(openai.AuthenticationError):
            chat(bad)
    assert running.send("GET", "/v1/models", api_key="key-number-1").status == 200
    assert "key-number" not in running.process.output


def test_not_http(dummy):
    """Invalid HTTP is refused in the same form, and is neither repeated nor logged."""
    with socket.create_connection(("127.0.0.1", dummy.port)) as connection:
        connection.sendall(b"GET /v1/models HTTP/1.1\r\nHost: x\r\nBad Name: sk-secret\r\n\r\n")
        answer = connection.makefile("rb").read()
    assert answer.split(b"\r\n")[0].endswith(b"400 Bad Request")
    assert b"sk-secret" not in answer
    assert "sk-secret" not in dummy.process.output


def test_large_body_announced(dummy):
    """A client that sends `Expect: 100-continue` gets the interim response."""
    body = json.dumps({"model": "m", "input": "word " * 1_000_000}).encode()
    head = f"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n"
    with socket.create_connection(("127.0.0.1", dummy.port), timeout=30) as connection:
        answer = connection.makefile("rb")
        connection.sendall(f"{head}Connection: close\r\n\r\n".encode())
        assert answer.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert answer.readline() == b"\r\n"
        connection.sendall(body)
        assert answer.readline() == b"HTTP/1.1 200 OK\r\n"
        assert json.loads(answer.read().partition(b"\r\n\r\n")[2])["usage"]["total_tokens"] == 1_000_001


def test_broken_compression(dummy):
    """A body that is not compressed as its header says is refused."""
    assert dummy.send("POST", "/v1/embeddings", b"no gzip", Content_Encoding="gzip").status == 400


def test_a_caller_who_leaves(dummy, llm):
    """A client that stops reading a stream does no harm."""
    stream = chat(llm, stream=True, extra_headers={"X-Dummy-Chunks": "100", "X-Dummy-Chunk-Delay-Ms": "20"})
    next(iter(stream))
    stream.close()
    assert chat(llm).choices
    assert "request failed" not in dummy.process.messages()
