"""Streams of OpenAI's Responses API."""

import pytest
from openai.types.responses import Response

from gecholog import llm
from tests.gecholog.llm.samples import RESPONSES, SSE, sse_named

FINAL = RESPONSES[-1]["response"]


def fold(*events, completed=True):
    return llm.fold(sse_named(*events), SSE, completed=completed)


@pytest.mark.parametrize("end", ["completed", "incomplete", "failed"])
def test_final_response(end):
    """The response in the last event is the answer."""
    response = {**FINAL, "status": end}
    assert fold(*RESPONSES[:-1], {"type": f"response.{end}", "response": response}) == response


def test_as_the_official_client():
    """The client's model takes the answer, also one that was cut off."""
    needed = {"created_at": 1, "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    for size in (2, 6, len(RESPONSES)):
        Response.model_validate(fold(*RESPONSES[:size], completed=False) | needed)


def test_cut_off():
    """Without the last event, the items are put together, and what was in progress is incomplete."""
    folded = fold(*RESPONSES[:6], completed=False)
    assert folded["status"] == "incomplete"
    assert folded["output"] == [
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "incomplete",
            "content": [{"type": "output_text", "text": "Hi there", "annotations": []}],
        },
    ]


def test_status_is_not_invented():
    """A stream that came to its end keeps the status that it told."""
    assert fold(*RESPONSES[:6])["status"] == "in_progress"


def test_finished_items_of_an_empty_end():
    """Some servers leave the output out at the end; the finished items are the output."""
    folded = fold(*RESPONSES[:-1], {"type": "response.completed", "response": {**FINAL, "output": []}})
    assert folded == FINAL


def at(name, **fields):
    return {"type": f"response.{name}", "output_index": 0, "item_id": "i", **fields}


def test_function_arguments():
    """Arguments are joined; the whole text at the end takes their place."""
    item = {"id": "fc_1", "type": "function_call", "name": "f", "arguments": ""}
    events = [
        at("output_item.added", item=item),
        at("function_call_arguments.delta", delta='{"a"'),
        at("function_call_arguments.delta", delta=":1}"),
    ]
    assert fold(*events)["output"] == [{**item, "arguments": '{"a":1}'}]
    assert fold(*events, at("function_call_arguments.done", arguments="{}"))["output"] == [{**item, "arguments": "{}"}]


@pytest.mark.parametrize(
    ("kind", "field"),
    [("mcp_call_arguments", "arguments"), ("custom_tool_call_input", "input"), ("code_interpreter_call_code", "code")],
)
def test_other_tools(kind, field):
    """The other tools have their text in fields of their own."""
    events = [at(f"{kind}.delta", delta=piece) for piece in ("a", "b")]
    assert fold(*events)["output"] == [{"id": "i", field: "ab"}]


def test_reasoning_and_refusal():
    """Summaries, reasoning and refusals are parts of their items."""
    events = [
        at("output_item.added", item={"id": "rs", "type": "reasoning", "summary": []}),
        at("reasoning_summary_part.added", summary_index=0, part={"type": "summary_text", "text": ""}),
        at("reasoning_summary_text.delta", summary_index=0, delta="Look"),
        at("reasoning_summary_text.delta", summary_index=0, delta="ing"),
        at("reasoning_text.delta", content_index=0, delta="deep"),
        {**at("refusal.delta", content_index=0, delta="No"), "output_index": 1},
        {**at("refusal.delta", content_index=0, delta="."), "output_index": 1},
    ]
    assert fold(*events)["output"] == [
        {
            "id": "rs",
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "Looking"}],
            "content": [{"type": "reasoning_text", "text": "deep"}],
        },
        {"id": "i", "content": [{"type": "refusal", "refusal": "No."}]},
    ]


def test_annotations_and_logprobs():
    """Annotations and log probabilities are collected in their part."""
    events = [
        *RESPONSES[:4],
        at("output_text.delta", content_index=0, delta="a", logprobs=[{"token": "a", "logprob": -1}]),
        at("output_text.annotation.added", content_index=0, annotation={"type": "url_citation"}),
    ]
    assert fold(*events)["output"][0]["content"] == [
        {
            "type": "output_text",
            "text": "a",
            "annotations": [{"type": "url_citation"}],
            "logprobs": [{"token": "a", "logprob": -1}],
        },
    ]


def test_error():
    """An error event is the error of the answer."""
    error = {"type": "error", "code": "rate_limit", "message": "slow down", "sequence_number": 3}
    assert fold(*RESPONSES[:6], error)["error"] == {"code": "rate_limit", "message": "slow down"}
    assert fold(*RESPONSES[:6], {"type": "error", "error": {"code": "x"}})["error"] == {"code": "x"}
