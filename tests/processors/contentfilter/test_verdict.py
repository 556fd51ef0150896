"""contentfilter's results, without a bus."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.testing import ask
from processors.contentfilter.__main__ import build_processor
from processors.contentfilter.config import Config
from processors.contentfilter.verdict import TooMuchText, scores


def lizards(strings):
    """A classifier with two labels: the occurrences of `lizard` divided by 4, and a constant 0."""
    return {"lizards": [text.count("lizard") / 4 for text in strings], "length": [0.0 for _ in strings]}


def filtering(threshold=0.5, roles=("user",), classify=lizards, max_characters=1000, status=200):
    return build_processor(Config(classify, threshold, frozenset(roles), max_characters, status))


def said(*messages):
    return {
        "gl_path": "/a/",
        "ingress_payload": {"messages": [dict(zip(("role", "content"), each, strict=True)) for each in messages]},
    }


TOXIC = {"content_filter": {"lizards": 0.75, "length": 0.0}, "is_toxic": True, "control": {"is_toxic": True}}


def test_toxic():
    """A toxic message gets a response in place of the upstream's."""
    assert ask(filtering(), said(("user", "lizard lizard lizard"))) == TOXIC


@pytest.mark.parametrize("status", [400, 451, 599])
def test_error(status):
    """With an error status the response is an error that SDKs know, with the reason and the original's field."""
    error = {
        "message": "Blocked by the content filter: lizards 0.75 is above the threshold 0.5",
        "type": "invalid_request_error",
        "param": None,
        "code": "content_filter",
    }
    written = TOXIC | {"control": {"is_toxic": True, "error": error}, "control_status_code": status}
    assert ask(filtering(status=status), said(("user", "lizard lizard lizard"))) == written
    assert "control" not in ask(filtering(status=status), said(("user", "a lizard")))


@given(st.dictionaries(st.text(), st.floats(0.51, 1), min_size=1))
def test_error_names_the_worst(given_scores):
    """The label with the highest score is named."""
    classify = {label: [score] for label, score in given_scores.items()}
    written = ask(filtering(classify=lambda _: classify, status=400), said(("user", "x")))
    worst = max(given_scores.values())
    named = [f": {label} {worst:.4g} is above " for label, score in given_scores.items() if score == worst]
    assert any(text in written["control"]["error"]["message"] for text in named)


def test_harmless():
    """For other messages the scores are written, and no control."""
    written = {"content_filter": {"lizards": 0.25, "length": 0.0}, "is_toxic": False}
    assert ask(filtering(), said(("user", "a lizard"))) == written


@pytest.mark.parametrize(("threshold", "toxic"), [(0.7, True), (0.75, False), (0.8, False), (1.0, False), (0.0, True)])
def test_threshold(threshold, toxic):
    """A score above the threshold is toxic, one that equals it is not."""
    assert ask(filtering(threshold), said(("user", "lizard lizard lizard")))["is_toxic"] is toxic


def test_the_worst_counts():
    """The texts are classified in one call, each separately, and the highest score of each label counts."""
    written = ask(filtering(), said(("user", "lizard"), ("user", "lizard lizard lizard"), ("user", "x")))
    assert written == TOXIC


def test_roles():
    """Only the text of the configured roles counts in a request."""
    message = said(("system", "lizard " * 4), ("user", "x"), ("tool", "lizard"))
    assert ask(filtering(), message)["content_filter"]["lizards"] == 0
    assert ask(filtering(roles=("tool",)), message)["content_filter"]["lizards"] == 0.25
    assert ask(filtering(roles=("tool", "system")), message)["content_filter"]["lizards"] == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"inbound_payload": {"choices": [{"message": {"content": "lizard lizard lizard"}}]}},
        {"egress_payload": {"content": [{"type": "text", "text": "lizard lizard lizard"}]}},
        {"outbound_payload": {"contents": [{"parts": [{"text": "lizard lizard lizard"}]}]}},
        {"ingress_payload": {"anything": [{"else": "lizard lizard lizard"}]}},
        {"ingress_payload": "lizard lizard lizard"},
    ],
)
def test_each_payload(fields):
    """Requests and responses are classified. A request in an unknown format is classified too."""
    assert ask(filtering(), fields) == TOXIC


@pytest.mark.parametrize("payload", [None, "", {}, {"n": 1}, {"messages": []}])
def test_no_words(payload):
    """Without text there is no score, which is a result: a required filter must not fail because of it."""
    assert ask(filtering(), {"ingress_payload": payload}) == {"content_filter": {}, "is_toxic": False}


def test_no_payload():
    """An entry that sends no payload is reported as an error."""
    with pytest.raises(KeyError, match="ingress_payload was not sent"):
        ask(filtering(), {"gl_path": "/a/"})


def test_too_much_text():
    """More text than the limit is a failure, not a partial result. Text that is not classified does not count."""
    message = said(("user", "x" * 400), ("user", "x" * 100), ("assistant", "x" * 1000))
    assert ask(filtering(max_characters=500), message)["is_toxic"] is False
    with pytest.raises(TooMuchText, match="MAX_CHARACTERS"):
        ask(filtering(max_characters=499), message)


@pytest.mark.parametrize("given_scores", [[math.nan], [0.1, math.nan], []])
def test_no_number(given_scores):
    """A score that is missing or not a number is a failure, not a low score."""
    with pytest.raises(ValueError, match="no score, or NaN"):
        ask(filtering(classify=lambda _: {"x": given_scores}), said(("user", "hi")))


@given(st.dictionaries(st.text(), st.lists(st.floats(0, 1), min_size=1)))
def test_scores(given_scores):
    """The highest score of each label counts. Without texts the classifier is not called."""
    assert scores(["text"], lambda _: given_scores) == {label: max(each) for label, each in given_scores.items()}
    assert scores([], lambda _: given_scores) == {}
