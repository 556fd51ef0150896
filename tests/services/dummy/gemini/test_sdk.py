"""Google's official client against the dummy: text, functions, thinking, structured output, embeddings, errors."""

import json

import pytest
from google import genai
from google.genai import errors, types

from tests.support.waiting import DEADLINE

WEATHER = types.FunctionDeclaration(
    name="get_weather",
    description="Tells the weather.",
    parameters_json_schema={"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
)
TIME = types.FunctionDeclaration(
    name="get_time", parameters=types.Schema(type="OBJECT", properties={"zone": types.Schema(type="STRING")})
)
TOOLS = [types.Tool(function_declarations=[WEATHER, TIME])]
MANUAL = types.AutomaticFunctionCallingConfig(disable=True)


def client_of(dummy, key="any"):
    options = types.HttpOptions(base_url=f"http://127.0.0.1:{dummy.port}", timeout=int(DEADLINE * 1000))
    return genai.Client(api_key=key, http_options=options)


@pytest.fixture
def gemini(dummy):
    with client_of(dummy) as client:
        yield client


def config(**more):
    return types.GenerateContentConfig(automatic_function_calling=MANUAL, **more)


def ask(gemini, contents="Hello there!", model="g-1", **more):
    return gemini.models.generate_content(model=model, contents=contents, config=config(**more))


def ask_streamed(gemini, contents="Hello there!", model="g-1", **more):
    """The chunks of a stream, and their parts."""
    chunks = list(gemini.models.generate_content_stream(model=model, contents=contents, config=config(**more)))
    return chunks, [part for chunk in chunks for part in chunk.candidates[0].content.parts or ()]


def test_a_response(gemini):
    """The user's words come back, with the right usage."""
    answer = ask(gemini, system_instruction="Be kind.")
    assert (answer.text, answer.model_version) == ("You said: Hello there!", "g-1")
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    used = answer.usage_metadata
    assert (used.prompt_token_count, used.candidates_token_count, used.total_token_count) == (6, 6, 12)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"max_output_tokens": 3},
        {"stop_sequences": ["there"]},
        {"http_options": types.HttpOptions(headers={"X-Dummy-Chunks": "20", "X-Dummy-Chunk-Delay-Ms": "1"})},
        {"thinking_config": types.ThinkingConfig(include_thoughts=True)},
        {"thinking_config": types.ThinkingConfig(thinking_budget=0)},
        {"tools": TOOLS, "tool_config": types.ToolConfig(function_calling_config={"mode": "ANY"})},
    ],
)
def test_a_stream_is_the_same(gemini, more):
    """Streamed or not, a response has the same text, the same calls, the same end and the same usage."""
    plain = ask(gemini, **more)
    chunks, parts = ask_streamed(gemini, **more)
    whole = plain.candidates[0].content.parts
    for is_thought in (True, None):
        texts = ["".join(p.text or "" for p in one if p.thought == is_thought) for one in (parts, whole)]
        assert texts[0] == texts[1]
    calls = [[part.function_call for part in one if part.function_call] for one in (parts, whole)]
    assert calls[0] == calls[1]
    assert chunks[-1].candidates[0].finish_reason == plain.candidates[0].finish_reason
    assert all(chunk.candidates[0].finish_reason is None for chunk in chunks[:-1])
    used = [one.usage_metadata.model_dump(exclude={"cached_content_token_count"}) for one in (chunks[-1], plain)]
    assert used[0] == used[1]


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("model", ["g-1", "gemini-2.5-dummy", "gemini-3-dummy"])
def test_a_loop_with_functions(gemini, model, streams):
    """Both functions are called at once. Gemini 3 signs the first call and gives ids, older models do not."""

    def next_turn(contents):
        if streams:
            return types.Content(role="model", parts=ask_streamed(gemini, contents, model, tools=TOOLS)[1])
        return ask(gemini, contents, model, tools=TOOLS).candidates[0].content

    contents = [types.Content(role="user", parts=[types.Part(text="Use get_weather and get_time.")])]
    first = next_turn(contents)
    calls = [part.function_call for part in first.parts]
    assert [call.name for call in calls] == ["get_weather", "get_time"]
    assert calls[0].args == {"place": "Use get_weather and get_time."}
    is_new = model == "gemini-3-dummy"
    assert [bool(part.thought_signature) for part in first.parts] == [is_new, False]
    assert all(bool(call.id) == is_new for call in calls)
    results = [
        types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"is": "fine"}))
        for call in calls
    ]
    contents += [first, types.Content(role="user", parts=results)]
    second = next_turn(contents)
    text = "".join(part.text for part in second.parts)
    assert text == 'The tools said: {"is":"fine"}; {"is":"fine"}'
    contents += [second, types.Content(role="user", parts=[types.Part(text="Thanks!")])]
    assert "".join(part.text for part in next_turn(contents).parts) == "You said: Thanks!"


def called(gemini, **change):
    """The contents of a turn after a signed call, whose part is changed."""
    question = types.Content(role="user", parts=[types.Part(text="get_time")])
    part = ask(gemini, [question], "gemini-3-dummy", tools=TOOLS).candidates[0].content.parts[0]
    part = part.model_copy(update=change)
    answer = types.FunctionResponse(name=part.function_call.name, response={"is": "noon"})
    replied = types.Content(role="user", parts=[types.Part(function_response=answer)])
    return [question, types.Content(role="model", parts=[part]), replied]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"thought_signature": None}, "missing a thought_signature"),
        ({"thought_signature": b"abcd"}, "Corrupted thought signature"),
        ({"function_call": types.FunctionCall(name="get_time", args={"zone": "other"})}, "Corrupted thought signature"),
    ],
)
def test_a_signature_has_to_come_back(gemini, change, message):
    """A call of the current turn without its signature, with another one, or changed, is refused."""
    with pytest.raises(errors.ClientError, match=message) as caught:
        ask(gemini, called(gemini, **change), "gemini-3-dummy", tools=TOOLS)
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")


def test_signatures_that_nobody_needs(gemini):
    """The stand-in for calls of other models is taken; older models need none; nor do turns that are over."""
    bare = called(gemini, thought_signature=None)
    assert ask(gemini, bare, "gemini-2.5-dummy", tools=TOOLS).text
    stand_in = called(gemini, thought_signature=b"skip_thought_signature_validator")
    assert ask(gemini, stand_in, "gemini-3-dummy", tools=TOOLS).text
    later = [*bare, types.Content(role="model", parts=[types.Part(text="Noon.")])]
    later.append(types.Content(role="user", parts=[types.Part(text="Thanks!")]))
    assert ask(gemini, later, "gemini-3-dummy", tools=TOOLS).text == "You said: Thanks!"


def test_structured_output(gemini):
    """The text is JSON that fits the schema."""
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}
    more = {"response_mime_type": "application/json"}
    made = ask(gemini, response_json_schema=schema, **more)
    assert json.loads(made.text) == {"name": "Hello there!", "age": 1}
    made = ask(gemini, response_schema=types.Schema(type="STRING", enum=["a", "b"]), **more)
    assert json.loads(made.text) == "a"


def test_choices(gemini):
    """Functions may be forced by name, or forbidden; several candidates are all counted."""
    mode = {"mode": "ANY", "allowed_function_names": ["get_time"]}
    forced = ask(gemini, tools=TOOLS, tool_config=types.ToolConfig(function_calling_config=mode))
    assert [call.name for call in forced.function_calls] == ["get_time"]
    none = types.ToolConfig(function_calling_config={"mode": "NONE"})
    assert ask(gemini, "get_time", tools=TOOLS, tool_config=none).text == "You said: get_time"
    several = ask(gemini, candidate_count=3)
    assert [one.index for one in several.candidates] == [0, 1, 2]
    assert several.usage_metadata.candidates_token_count == 18


def test_counts(gemini, request):
    """Tokens are counted beforehand as the response counts them; what was there before is cached."""
    system = f"You are {request.node.nodeid}."
    first, second = (ask(gemini, system_instruction=system).usage_metadata for _ in range(2))
    assert first.cached_content_token_count is None
    assert 0 < second.cached_content_token_count < second.prompt_token_count == first.prompt_token_count
    assert gemini.models.count_tokens(model="g-1", contents="Hello there!").total_tokens == 3


def test_thoughts_are_counted_apart(gemini):
    """Thoughts are counted whether they are shown or not."""
    thinking = types.ThinkingConfig(include_thoughts=False)
    used = ask(gemini, thinking_config=thinking).usage_metadata
    assert used.thoughts_token_count > 0
    assert used.total_token_count == used.prompt_token_count + used.candidates_token_count + used.thoughts_token_count


def test_embeddings(gemini):
    """Texts have vectors of the size asked for."""
    more = types.EmbedContentConfig(output_dimensionality=16)
    made = gemini.models.embed_content(model="e-1", contents=["Hello", "there"], config=more)
    assert [len(one.values) for one in made.embeddings] == [16, 16]


def test_models(gemini):
    """The list has Gemini's form."""
    assert "models/dummy" in [model.name for model in gemini.models.list()]
    assert gemini.models.get(model="dummy").input_token_limit > 0


@pytest.mark.parametrize(
    ("status", "name"),
    [(400, "INVALID_ARGUMENT"), (429, "RESOURCE_EXHAUSTED"), (500, "INTERNAL"), (503, "UNAVAILABLE")],
)
@pytest.mark.parametrize("streams", [True, False])
def test_errors_on_demand(gemini, status, name, streams):
    """An error has the status asked for and Gemini's form, also in place of a stream."""
    options = types.HttpOptions(headers={"X-Dummy-Status": str(status)})
    with pytest.raises(errors.APIError) as caught:
        (ask_streamed if streams else ask)(gemini, http_options=options)
    assert (caught.value.code, caught.value.status) == (status, name)


def test_a_wrong_key(start):
    """A key may be in Gemini's header; another one is an invalid argument."""
    dummy = start(api_keys=["right"])
    with client_of(dummy, "right") as client:
        assert ask(client).text
    with client_of(dummy, "wrong") as client, pytest.raises(errors.ClientError, match="API key not valid") as caught:
        ask(client)
    assert caught.value.code == 400
