import pytest

from gecholog.llm.data_url import data_url, split_data_url


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("data:image/png;base64,aGk=", ("image/png", "aGk=")),
        ("DATA:Image/PNG;charset=x;BASE64,aGk=", ("image/png", "aGk=")),
        ("data:;base64,aGk=", ("text/plain", "aGk=")),
        ("data:text/plain,hello", ("", "")),
        ("https://example.com/a.png", ("", "")),
        ("", ("", "")),
    ],
)
def test_data_urls_are_split(url: str, parts: tuple[str, str]) -> None:
    assert split_data_url(url) == parts


def test_a_url_that_is_made_can_be_split() -> None:
    assert split_data_url(data_url("image/webp", "AAAA")) == ("image/webp", "AAAA")
