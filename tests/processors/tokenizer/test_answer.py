"""The results of tokenizer, without a bus."""

import pytest

from gecholog.errors import ConfigError
from gecholog.testing import ask
from processors.tokenizer.__main__ import build_processor
from processors.tokenizer.config import Config, from_environment
from tests.gecholog.llm import samples

WORDS = build_processor(Config("words", lambda text: len(text.split())))


@pytest.mark.parametrize(
    ("fields", "number"),
    [
        (
            {
                "ingress_payload": {
                    "messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": "a b c"}]
                }
            },
            5,
        ),
        ({"outbound_payload": {"contents": [{"parts": [{"text": "a b"}]}]}}, 2),
        ({"ingress_payload": {"input": "a b"}, "outbound_payload": {"input": "a b c"}}, 2),
        ({"inbound_payload": {"choices": [{"message": {"content": "a b"}}]}}, 2),
        ({"egress_payload": {"content": [{"type": "text", "text": "a b"}]}}, 2),
        ({"inbound_payload": {"output": "a b c d"}}, 4),
        ({"inbound_payload": samples.CHAT_FOLDED}, 4),
        ({"inbound_payload": samples.ANTHROPIC_FOLDED}, 7),
        ({"inbound_payload": "plain text"}, 2),
    ],
)
def test_count(fields, number):
    """All text of the payload is counted, for every API, streamed or not."""
    assert ask(WORDS, fields) == {"tokenizer": {"words": number}}


@pytest.mark.parametrize("payload", [None, "", {}, {"error": {"message": "no"}}, {"messages": []}])
def test_no_words(payload):
    """Without text there is nothing to write."""
    assert ask(WORDS, {"ingress_payload": payload}) == {}
    assert ask(WORDS, {"inbound_payload": payload}) == {}


def test_no_payload():
    """An entry that sends no payload is reported as an error."""
    with pytest.raises(KeyError, match="was not sent"):
        ask(WORDS, {"gl_path": "/a/"})


class TestConfig:
    """The environment variables."""

    def test_usual(self):
        """By default it has a tokenizer."""
        assert ask(build_processor(from_environment({})), {"ingress_payload": {"prompt": "a b"}}) == {
            "tokenizer": {"pieces": 2}
        }

    def test_own_name(self):
        """The name in the record is configurable."""
        assert from_environment({"TOKENIZER_NAME": "gpt2"}).name == "gpt2"

    def test_function(self, tmp_path, monkeypatch):
        """A custom function is in the record by its name."""
        (tmp_path / "tokenizer_of_tests.py").write_text(
            "def load():\n    def letters(text):\n        return len(text)\n    return letters\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        config = from_environment({"TOKENIZER": "tokenizer_of_tests:load"})
        assert (config.name, config.count("abc")) == ("letters", 3)

    def test_wrong(self):
        """If a tokenizer cannot be loaded, the error names its variable."""
        with pytest.raises(ConfigError, match="TOKENIZER"):
            from_environment({"TOKENIZER": "gpt2"})
