"""Bedrock's ConverseStream."""

from gecholog import llm
from tests.gecholog.llm import aws
from tests.gecholog.llm.samples import ANTHROPIC, ANTHROPIC_FOLDED, SSE, sse


def test_stream():
    """Blocks are put together from their pieces, and the padding is left out."""
    assert llm.fold(aws.STREAM, aws.AWS, completed=True) == aws.CONVERSE_FOLDED


def test_recorded_events():
    """Clients that write down decoded events put the type around them."""
    body = sse(*({name: value} for name, value in aws.CONVERSE))
    assert llm.fold(body, SSE, completed=True) == aws.CONVERSE_FOLDED


def test_cut_input():
    """The input of a tool that was cut off is the text that came."""
    body = b"".join(aws.message(name, value) for name, value in aws.CONVERSE[:10])
    block = llm.fold(body, aws.AWS, completed=False)["output"]["message"]["content"][2]
    assert block == {"toolUse": {"toolUseId": "t1", "name": "weather", "input": '{"city":'}}


def test_exception():
    """An exception in the stream is the answer's error."""
    body = aws.message(*aws.CONVERSE[0]) + aws.message("throttlingException", {"message": "x"}, kind=":exception-type")
    assert llm.fold(body, aws.AWS, completed=True)["error"] == {"type": "throttlingException", "message": "x"}


def test_invoke_model():
    """InvokeModel's stream is one of the model's own API."""
    body = b"".join(map(aws.invoked, ANTHROPIC))
    assert llm.fold(body, aws.AWS, completed=True) == ANTHROPIC_FOLDED
