"""Responses, images, audio and moderations of the dummy, as the official client sees them."""

import base64
import json

import openai
import pytest

TOOL = {"type": "function", "name": "greet", "parameters": {"properties": {"words": {"type": "string"}}}}
HELLO = [{"role": "user", "content": [{"type": "input_text", "text": "Hello there!"}]}]


@pytest.mark.parametrize("given", ["Hello there!", HELLO])
def test_responses(llm, given):
    """The prompt comes back, with the right usage."""
    answer = llm.responses.create(model="m-1", input=given)
    assert (answer.model, answer.status, answer.output_text) == ("m-1", "completed", "You said: Hello there!")
    usage = answer.usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (3, 6, 9)


@pytest.mark.parametrize("more", [{}, {"max_output_tokens": 3}, {"extra_headers": {"X-Dummy-Chunks": "20"}}])
def test_a_stream_of_responses_is_the_same(llm, more):
    """The events add up to the response, are numbered from 0, and end with all of it."""
    plain = llm.responses.create(model="m-1", input="Hello there!", **more)
    events = list(llm.responses.create(model="m-1", input="Hello there!", stream=True, **more))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == plain.output_text == events[-1].response.output_text
    assert events[-1].type == f"response.{plain.status}"
    assert events[-1].response.usage == plain.usage


@pytest.mark.parametrize("choice", ["required", {"type": "function", "name": "greet"}])
def test_a_tool_of_responses(llm, choice):
    """A forced function is called, streamed or not."""
    asked = {"model": "m-1", "input": "Hello!", "tools": [TOOL], "tool_choice": choice}
    (call,) = llm.responses.create(**asked).output
    assert (call.type, call.name, json.loads(call.arguments)) == ("function_call", "greet", {"words": "Hello!"})
    with llm.responses.stream(**asked) as stream:
        (same,) = stream.get_final_response().output
    assert (same.name, same.arguments) == (call.name, call.arguments)


@pytest.mark.parametrize("streamed", [True, False])
def test_a_loop_with_tools_of_responses(llm, streamed):
    """Functions that the user names are called at once, and their results become a text."""

    def ask(items):
        asked = {"model": "m-1", "input": items, "tools": [TOOL]}
        if not streamed:
            return llm.responses.create(**asked)
        with llm.responses.stream(**asked) as stream:
            return stream.get_final_response()

    items = [{"role": "user", "content": "greet and greet"}]
    calls = ask(items).output
    assert [call.name for call in calls] == ["greet", "greet"]
    assert calls[0].call_id != calls[1].call_id
    items += [{"type": "function_call", "call_id": call.call_id, "name": "greet", "arguments": "{}"} for call in calls]
    items += [{"type": "function_call_output", "call_id": call.call_id, "output": "done"} for call in calls]
    assert ask(items).output_text == "The tools said: done; done"


def test_structured_output_of_responses(llm):
    """The text is JSON that fits the schema."""
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}}
    form = {"format": {"type": "json_schema", "name": "person", "schema": schema}}
    assert json.loads(llm.responses.create(model="m-1", input="Hi", text=form).output_text) == {"age": 1}


def test_images(llm):
    """The same prompt has the same picture, as a data URL or as its bytes."""
    made = llm.images.generate(model="m-1", prompt="A cat", n=2, response_format="b64_json")
    data = [base64.b64decode(image.b64_json) for image in made.data]
    assert data[0].startswith(b"\x89PNG")
    assert data[0] == data[1]
    url = llm.images.generate(model="m-1", prompt="A cat").data[0].url
    assert url == f"data:image/png;base64,{made.data[0].b64_json}"
    other = llm.images.generate(model="m-1", prompt="A dog", response_format="b64_json").data[0].b64_json
    assert other != made.data[0].b64_json


def test_audio(llm):
    """Speech can be played, and a recording has a transcript."""
    speech = llm.audio.speech.create(model="m-1", voice="alloy", input="Hello there!").content
    assert (speech[:4], speech[8:12]) == (b"RIFF", b"WAVE")
    assert int.from_bytes(speech[4:8], "little") == len(speech) - 8
    text = llm.audio.transcriptions.create(model="m-1", file=("a.wav", speech)).text
    assert text.startswith("A recording")


def test_moderations(llm):
    """Only the word itself is flagged."""
    found = llm.moderations.create(model="m-1", input=["a flag", "flagged", "fine"]).results
    assert [one.flagged for one in found] == [True, False, False]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/responses", {"model": "m"}),
        ("/responses", {"model": "m", "input": 3}),
        ("/images/generations", {"model": "m"}),
        ("/images/generations", {"prompt": "p", "response_format": "gif"}),
        ("/audio/speech", {"model": "m"}),
        ("/audio/transcriptions", {"model": "m"}),
        ("/moderations", {"input": {}}),
    ],
)
def test_wrong_requests(llm, path, body):
    """They are refused as OpenAI does."""
    with pytest.raises(openai.BadRequestError):
        llm.post(path, body=body, cast_to=object)
