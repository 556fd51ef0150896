"""The estimate of the tokens of a prompt."""

from hypothesis import given

from gecholog.llm.chat import Audio, ChatRequest, File, Image, Message, Role, Text, Tool, ToolResult
from gecholog.llm.token_estimate import estimate_tokens
from tests.gecholog.llm.dialects import neutral
from tests.gecholog.llm.samples import CALM


def of(*parts, tools=()):
    return estimate_tokens(ChatRequest("any", (Message(Role.USER, parts),), tools))


def test_texts():
    """English has about four characters a token, Chinese about one."""
    assert 20 < of(Text("The quick brown fox jumps over the lazy dog. " * 2)) < 40
    assert of(Text("狐狸跳过了狗")) > of(Text("foxdog"))


def test_what_is_not_text():
    """Images, sound, documents, results and tools count as well."""
    nothing = of()
    for part in (
        Image(url="x"),
        Audio("A" * 400, "audio/wav"),
        File(data="A" * 400),
        ToolResult("a", (Text("some words"),)),
    ):
        assert of(part) > nothing
    assert of(tools=(Tool("now", "Tells the time.", {"type": "object"}),)) > nothing


@CALM
@given(neutral.requests())
def test_any_request_has_tokens(request):
    """There is always a number, and it is never 0."""
    assert estimate_tokens(request) > 0
