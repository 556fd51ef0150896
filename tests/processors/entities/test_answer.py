"""The results of entities, without a bus."""

import pytest

from gecholog.errors import ConfigError
from gecholog.testing import ask
from processors.entities.__main__ import build_processor
from processors.entities.config import Config, from_environment
from tests.gecholog.llm import samples


def capitals(text):
    """A finder that returns the words in capitals."""
    return [(word, "WORD") for word in text.split() if word.isupper()]


FINDING = build_processor(Config(capitals, "coburn.gl.entities", "entities"))


def entities(*words):
    return {"entities": {"entities": [{"text": word, "label": "WORD"} for word in words]}}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"outbound_payload": {"messages": [{"content": "a B"}, {"role": "assistant", "content": "C d B"}]}},
            ["B", "C", "B"],
        ),
        ({"ingress_payload": {"input": "X"}, "outbound_payload": {"input": "Y"}}, ["Y"]),
        ({"ingress_payload": {"contents": [{"parts": [{"text": "X"}]}]}}, ["X"]),
        ({"egress_payload": {"choices": [{"message": {"content": "X y"}}]}}, ["X"]),
        ({"inbound_payload": {"content": [{"type": "text", "text": "X y"}]}}, ["X"]),
        ({"egress_payload": samples.GEMINI_FOLDED}, []),
    ],
)
def test_found(fields, words):
    """Each mention is listed in the order of the texts, for every API."""
    assert ask(FINDING, fields) == entities(*words)


@pytest.mark.parametrize("payload", [None, "", {}, [], {"error": {"message": "no"}}])
def test_no_words(payload):
    """Without text there is nothing to write."""
    assert ask(FINDING, {"outbound_payload": payload}) == {}
    assert ask(FINDING, {"egress_payload": payload}) == {}


def test_no_payload():
    """An entry that sends no payload is reported as an error."""
    with pytest.raises(KeyError, match="outbound_payload was not sent"):
        ask(FINDING, {"gl_path": "/a/"})


def test_bounded():
    """At most a thousand entities are listed."""
    assert ask(FINDING, {"outbound_payload": {"prompt": "X " * 5000}}) == entities(*["X"] * 1000)


class TestConfig:
    """The environment variables."""

    def test_usual(self):
        """By default it finds entities, and writes its own field."""
        written = ask(build_processor(from_environment({})), {"egress_payload": {"output": "by Bill Gates"}})
        assert written == {"entities": {"entities": [{"text": "Bill Gates", "label": "NAME"}]}}

    @pytest.mark.parametrize(
        ("name", "value"),
        [("ENTITIES_SUBJECT", "a b"), ("ENTITIES_SUBJECT", "a..b"), ("ENTITIES_FIELD", "a-b"), ("ENTITIES", "spacy")],
    )
    def test_wrong(self, name, value):
        """An invalid variable is named."""
        with pytest.raises(ConfigError, match=name):
            from_environment({name: value})
