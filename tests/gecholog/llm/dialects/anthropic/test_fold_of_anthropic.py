"""Streams of Anthropic messages."""

from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message

from gecholog import llm
from tests.gecholog.llm.samples import ANTHROPIC, ANTHROPIC_FOLDED, SSE, sse_named


def fold(*events, completed=True):
    return llm.fold(sse_named(*events), SSE, completed=completed)


def test_thinking_text_and_tools():
    """Blocks grow by their deltas, input becomes an object, usage is start and end together."""
    assert fold(*ANTHROPIC) == ANTHROPIC_FOLDED


def test_as_the_official_client():
    """Anthropic's own client puts the same message together."""
    theirs, buffers = None, {}
    for event in ANTHROPIC:
        if event["type"] != "ping":
            theirs = accumulate_event(event=event, current_snapshot=theirs, json_bufs=buffers)
    ours = Message.model_validate(fold(*ANTHROPIC))
    assert [block.to_dict() for block in ours.content] == [block.to_dict() for block in theirs.content]
    assert ours.usage.to_dict(exclude_unset=True) == theirs.usage.to_dict(exclude_unset=True)
    assert ours.stop_reason == theirs.stop_reason


def test_cut_off_input():
    """Input that is not whole stays the text that came."""
    content = fold(*ANTHROPIC[:15], completed=False)["content"]
    assert content[2] == {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": '{"city": "Os'}


def test_tool_without_input():
    """A tool that takes nothing has the empty input of its start."""
    assert fold(*ANTHROPIC[:14])["content"][2]["input"] == {}


def test_error_in_the_middle():
    """The error stands beside what came."""
    folded = fold(*ANTHROPIC[:9], {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
    assert folded["error"] == {"type": "overloaded_error", "message": "Overloaded"}
    assert folded["content"][1]["text"] == "It is"
    assert folded["type"] == "message"


def test_null_counts_change_nothing():
    """A count that is null at the end is as it was at the start."""
    end = {"type": "message_delta", "delta": {}, "usage": {"input_tokens": None, "output_tokens": 9}}
    assert fold(*ANTHROPIC, end)["usage"] == {"input_tokens": 25, "cache_read_input_tokens": 7, "output_tokens": 9}


def test_extra_fields():
    """What newer versions and Bedrock add at the end is kept."""
    end = {"type": "message_delta", "delta": {"container": {"id": "c"}}, "context_management": {"applied_edits": [1]}}
    stop = {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 25}}
    folded = fold(*ANTHROPIC[:-1], end, stop)
    assert folded["container"] == {"id": "c"}
    assert folded["context_management"] == {"applied_edits": [1]}
    assert folded["amazon-bedrock-invocationMetrics"] == {"inputTokenCount": 25}


def test_without_beginning():
    """Deltas alone say what kind of block they belong to."""
    assert fold(*ANTHROPIC[8:10])["content"] == [{"type": "text", "text": "It is warm."}]
