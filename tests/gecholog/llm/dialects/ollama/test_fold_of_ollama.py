"""Streams of Ollama's own API."""

from gecholog import llm
from tests.gecholog.llm.samples import NDJSON, OLLAMA_CHAT, ndjson


def fold(*chunks, completed=True):
    return llm.fold(ndjson(*chunks), NDJSON, completed=completed)


def test_chat():
    """The message is joined, the counts of the last line count."""
    assert fold(*OLLAMA_CHAT) == {
        "model": "llama3.2",
        "created_at": "t3",
        "message": {"role": "assistant", "content": "The sky"},
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 26,
        "eval_count": 2,
    }


def test_cut_off():
    """What was cut off is not done."""
    folded = fold(*OLLAMA_CHAT[:2], completed=False)
    assert folded["done"] is False
    assert folded["message"]["content"] == "The sky"


def test_thinking_and_tools():
    """Thinking is joined, tool calls come whole and stay apart."""
    calls = [{"function": {"index": n, "name": "f", "arguments": {"n": n}}} for n in (0, 1)]
    pieces = [{"thinking": "Hm", "content": ""}, {"thinking": "m", "content": ""}]
    pieces += [{"content": "", "tool_calls": [call]} for call in calls]
    folded = fold(*[{"message": {"role": "assistant", **piece}, "done": False} for piece in pieces])
    assert folded["message"] == {"role": "assistant", "thinking": "Hmm", "content": "", "tool_calls": calls}


def test_generate():
    """`/api/generate` has its text in `response`."""
    folded = fold(
        {"model": "m", "response": "a", "done": False},
        {"model": "m", "response": "b", "done": False},
        {"model": "m", "response": "", "done": True, "context": [1, 2], "eval_count": 2},
    )
    assert folded == {"model": "m", "response": "ab", "done": True, "context": [1, 2], "eval_count": 2}


def test_error_in_the_middle():
    """An error line is kept."""
    assert fold(OLLAMA_CHAT[0], {"error": "model runner has stopped"})["error"] == "model runner has stopped"


def test_progress_is_no_answer():
    """The lines of a model pull are not folded."""
    assert fold({"status": "pulling manifest"}, {"status": "success"}) is None
