"""OpenAI chat streams, and what those who speak them add."""

from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from gecholog import llm
from tests.gecholog.llm.samples import CHAT, CHAT_FOLDED, SSE, TOOLS, USAGE, chunk, sse


def fold(*chunks, done=True):
    return llm.fold(sse(*chunks, done=done), SSE, completed=True)


def message(*chunks):
    return fold(*chunks)["choices"][0]["message"]


def test_text_and_usage():
    """A plain stream is the completion that it would have been."""
    assert fold(*CHAT) == CHAT_FOLDED


def test_as_the_official_client():
    """OpenAI's own client puts the same answer together, and takes ours for a completion."""
    for sample in (CHAT, TOOLS):
        state = ChatCompletionStreamState()
        for item in sample:
            state.handle_chunk(ChatCompletionChunk.model_validate(item))
        theirs = state.current_completion_snapshot.to_dict()
        ours = fold(*sample)
        ChatCompletion.model_validate(ours)
        assert [choice["finish_reason"] for choice in ours["choices"]] == [
            choice["finish_reason"] for choice in theirs["choices"]
        ]
        for mine, other in zip(ours["choices"], theirs["choices"], strict=True):
            assert mine["message"].get("content") == other["message"].get("content")
            assert [call["function"]["arguments"] for call in mine["message"].get("tool_calls") or ()] == [
                call["function"]["arguments"] for call in other["message"].get("tool_calls") or ()
            ]


def test_tool_calls():
    """Fragments of several calls are joined by index, and the calls have no index afterwards."""
    assert message(*TOOLS) == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}},
            {"id": "call_2", "type": "function", "function": {"name": "time", "arguments": "{}"}},
        ],
    }


def test_tool_calls_with_one_index():
    """Gemini's OpenAI endpoint gives index 0 to every call; another id with a name is another call."""
    calls = [
        {"index": 0, "id": f"f-{n}", "type": "function", "function": {"name": "at", "arguments": f'{{"n":{n}}}'}}
        for n in (1, 2)
    ]
    found = message(chunk({"role": "assistant", "tool_calls": calls}))["tool_calls"]
    assert [call["function"]["arguments"] for call in found] == ['{"n":1}', '{"n":2}']


def test_tool_calls_without_index():
    """A fragment without index belongs to the call before."""
    found = message(
        chunk({"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{"}}]}),
        chunk({"tool_calls": [{"function": {"arguments": "}"}}]}),
    )["tool_calls"]
    assert found == [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]


def test_function_call():
    """The old single function call grows as well."""
    found = message(
        chunk({"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": ""}}),
        chunk({"function_call": {"arguments": '{"a"'}}),
        chunk({"function_call": {"arguments": ":1}"}}),
    )
    assert found["function_call"] == {"name": "f", "arguments": '{"a":1}'}


def test_several_choices():
    """Chunks of several choices come in any order; the choices come out by index."""
    folded = fold(
        chunk({"role": "assistant", "content": "B"}, index=1),
        chunk({"role": "assistant", "content": "A"}),
        chunk({"content": "b"}, index=1),
        chunk({"content": "a"}),
        chunk({}, index=1, finish_reason="length"),
        chunk({}, finish_reason="stop"),
    )
    assert [(c["index"], c["message"]["content"], c["finish_reason"]) for c in folded["choices"]] == [
        (0, "Aa", "stop"),
        (1, "Bb", "length"),
    ]


def test_reasoning_refusal_and_audio():
    """Every text of a message grows; labels that are repeated in each chunk do not."""
    pieces = [
        {
            "role": "assistant",
            "reasoning": piece,
            "reasoning_content": piece.upper(),
            "refusal": piece,
            "audio": {"id": "audio_1", "data": piece, "transcript": piece},
        }
        for piece in ("ab", "cd", "ef")
    ]
    assert message(*map(chunk, pieces)) == {
        "role": "assistant",
        "reasoning": "abcdef",
        "reasoning_content": "ABCDEF",
        "refusal": "abcdef",
        "audio": {"id": "audio_1", "data": "abcdef", "transcript": "abcdef"},
    }


def test_reasoning_details():
    """Items of an unknown list are joined by their index, if they have one."""
    details = [
        {"reasoning_details": [{"type": "reasoning.text", "text": text, "index": 0, "format": "v1"}]}
        for text in ("a", "b")
    ]
    assert message(*map(chunk, details))["reasoning_details"] == [
        {"type": "reasoning.text", "text": "ab", "index": 0, "format": "v1"},
    ]


def test_content_in_parts():
    """Mistral's reasoning models send content as parts first and as text later."""
    thoughts = [
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]} for text in ("Hm", "m.", "!")
    ]
    assert message(*map(chunk, thoughts), chunk({"content": "Yes"}), chunk({"content": "."}))["content"] == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hmm.!"}]},
        {"type": "text", "text": "Yes."},
    ]


def test_logprobs():
    """Log probabilities are collected."""
    chunks = [chunk({"content": token}) for token in "ab"]
    for token, item in zip("ab", chunks, strict=True):
        item["choices"][0]["logprobs"] = {"content": [{"token": token, "logprob": -0.5}], "refusal": None}
    assert fold(*chunks)["choices"][0]["logprobs"] == {
        "content": [{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": -0.5}],
        "refusal": None,
    }


def test_azure():
    """Azure's first chunk is empty but for the filter results of the prompt, those of the answer come in pieces."""
    first = {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": [{"x": 1}]}
    chunks = [chunk({"role": "assistant", "content": "Hi"}), chunk({"content": "!"}), chunk({}, finish_reason="stop")]
    for item, results in zip(
        chunks, ({"hate": {"filtered": False}}, {"violence": {"filtered": False}}, {}), strict=True
    ):
        item["choices"][0]["content_filter_results"] = results
    folded = fold(first, *chunks)
    assert folded["id"] == "chatcmpl-1"
    assert folded["created"] == 1757499916
    assert folded["object"] == "chat.completion"
    assert folded["prompt_filter_results"] == [{"x": 1}]
    assert folded["choices"][0]["content_filter_results"] == {
        "hate": {"filtered": False},
        "violence": {"filtered": False},
    }


def test_usage_in_every_chunk():
    """vLLM's continuous usage: the last count is the total."""
    counted = [chunk({"content": "a"}, usage={"total_tokens": n}) for n in (5, 6, 7)]
    assert fold(*counted)["usage"] == {"total_tokens": 7}


def test_usage_before_the_last_chunk():
    """A later chunk without usage, or with null, does not hide it."""
    assert fold(chunk({"content": "a"}, usage=USAGE), chunk(None, usage=None), chunk({}))["usage"] == USAGE


def test_usage_of_groq_and_moonshot():
    """Usage stands in the same place, wherever the stream has it."""
    assert fold(chunk({}, x_groq={"id": "r"}), chunk({}, x_groq={"id": "r", "usage": USAGE}))["usage"] == USAGE
    last = chunk({}, finish_reason="stop")
    last["choices"][0]["usage"] = USAGE
    assert fold(chunk({"content": "a"}), last)["usage"] == USAGE


def test_whole_message_beside_the_pieces():
    """Perplexity repeats the message so far beside each delta; it is not joined to it."""
    chunks = [chunk({"content": "a"}), chunk({"content": "b"})]
    for item, text in zip(chunks, ("a", "ab"), strict=True):
        item["choices"][0]["message"] = {"role": "assistant", "content": text}
    assert message(*chunks) == {"content": "ab"}


def test_error_in_the_middle():
    """What came before an error stays, and the error stands where it stands without streaming."""
    folded = fold(*CHAT[:3], {"error": {"message": "overloaded", "code": 529}}, done=False)
    assert folded["error"] == {"message": "overloaded", "code": 529}
    assert folded["choices"][0]["message"]["content"] == "Grüß dich, 世界 🌍"


def test_named_error():
    """The data of an event named `error` is the error."""
    body = sse(CHAT[1]) + b'event: error\ndata: {"message": "gone"}\n\n'
    assert llm.fold(body, SSE, completed=False)["error"] == {"message": "gone"}


def test_null_delta():
    """A choice without delta is no reason to lose it."""
    item = chunk({"content": "a"})
    item["choices"][0]["delta"] = None
    assert "delta" not in fold(item)["choices"][0]


def test_characters_cut_into_surrogates():
    """A character that the server cut into two escapes is whole again; half of one is a replacement character."""
    body = (
        b'data: {"choices":[{"index":0,"delta":{"content":"\\ud83c"}}]}\n\n'
        b'data: {"choices":[{"index":0,"delta":{"content":"\\udf0d \\ud83c"}}]}\n\n'
    )
    folded = llm.fold(body, SSE, completed=True)
    assert folded["choices"][0]["message"]["content"] == "🌍 \ufffd"
