import pytest

from gecholog.llm.chat import ChatRequest, Image, Message, Role, Text, ToolResult
from gecholog.llm.chat_dialect import FetchedImage, Target
from gecholog.llm.errors import UnsupportedParameterError
from gecholog.llm.inline_image import image_urls, inline_image

URL = "https://example.com/a.png"


def test_bytes_are_taken_as_they_are_and_urls_as_they_were_fetched() -> None:
    fetched = FetchedImage("AAAA", "image/jpeg")
    assert inline_image(Image("aGk=", "image/gif"), Target("m")) == FetchedImage("aGk=", "image/gif")
    assert inline_image(Image("aGk="), Target("m")) == FetchedImage("aGk=", "image/png")
    assert inline_image(Image(url=URL), Target("m", images={URL: fetched})) == fetched


@pytest.mark.parametrize(("image", "param"), [(Image(url=URL), "image_url"), (Image(file_id="f"), "file_id")])
def test_what_has_no_bytes_is_refused(image: Image, param: str) -> None:
    with pytest.raises(UnsupportedParameterError) as raised:
        inline_image(image, Target("m"))
    assert raised.value.param == param


def test_the_urls_of_a_request_are_found_in_results_of_tools_too() -> None:
    other = "https://example.com/b.png"
    parts = (Text("x"), Image(url=URL), Image("aGk="), ToolResult("a", (Image(url=other), Image(url=URL))))
    assert image_urls(ChatRequest("m", (Message(Role.USER, parts),))) == (URL, other)
