"""Profiles of the APIs that speak OpenAI's dialect."""

from urllib.parse import urlsplit

import pytest

from services.gl.config import config_spec
from services.gl.models.profile import CHAT, PROFILES, SPEECH, guessed


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_each_is_whole(profile):
    """It is known by the host of its own url, all have chat, and every one says where that is written."""
    assert profile.has(CHAT)
    assert profile.source.startswith("https://")
    if profile.url:
        assert guessed(urlsplit(profile.url).hostname) is profile
        assert not profile.url.endswith("/")


def test_guessed():
    """By the host or a part of it that ends it; everything else is generic."""
    assert guessed("eu.api.openai.com.").name == "openai"
    assert guessed("API.Groq.com").name == "groq"
    assert [guessed(host).name for host in ("notapi.openai.com", "localhost", "")] == ["generic"] * 3


def test_the_schema_lists_them_all():
    """What the table has can be said in a config."""
    listed = config_spec().schema["properties"]["providers"]["items"]["properties"]["profile"]["enum"]
    assert sorted(listed) == sorted(PROFILES)


def test_endpoints():
    """A profile without a list has them all."""
    assert PROFILES["openai"].has(SPEECH)
    assert not PROFILES["deepseek"].has(SPEECH)
