"""The classifier without a model."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.errors import ConfigError
from processors.contentfilter.lexicon import Lexicon, Term, load

OWN = Lexicon(
    [
        Term("insult", 0.4, ("silly",)),
        Term("insult", 0.5, ("noodle*",)),
        Term("threat", 0.9, ("bite", "you")),
    ]
)


@pytest.mark.parametrize(
    ("text", "scores"),
    [
        ("a silly question", {"insult": 0.4, "toxicity": 0.4}),
        ("silly, silly, silly", {"insult": 0.4, "toxicity": 0.4}),
        ("silly noodles", {"insult": 0.7, "toxicity": 0.7}),
        ("you are so silly", {"insult": 0.75, "toxicity": 0.75}),
        ("you asked me a silly thing", {"insult": 0.4, "toxicity": 0.4}),
        ("I bite you", {"threat": 0.9, "toxicity": 0.9}),
        ("bite. You", {"threat": 0.9, "toxicity": 0.9}),
        ("bite the bullet", {}),
        ("bite", {}),
        ("noodlehead", {"insult": 0.5, "toxicity": 0.5}),
        ("silly, I bite you", {"insult": 0.4, "threat": 0.9, "toxicity": 0.94}),
        ("", {}),
    ],
)
def test_scores(text, scores):
    """Each term counts once for its label and for toxicity. An insult addressed to `you` counts more."""
    assert OWN.scores(text) == {"toxicity": 0.0, "insult": 0.0, "threat": 0.0} | scores


@pytest.mark.parametrize(
    "text", ["You are an idiot", "I will k1ll you", "f u c k you", "SHUT THE HELL UP", "go to hell", "You stupid moron"]
)
def test_toxic(text):
    """Plain insults are found by the built-in list."""
    assert load().scores(text)["toxicity"] > 0.5


@pytest.mark.parametrize(
    "text",
    [
        "Who were the founders of Microsoft?",
        "How do I kill a process in Linux?",
        "Is this a stupid question?",
        "Scunthorpe, cockpit, assassin, classic, Dickens, Wankel, flame retardant",
        "Your code is garbage collected",
        "Moby Dick",
    ],
)
def test_not_toxic(text):
    """Ordinary words that resemble listed ones are not found."""
    assert load().scores(text)["toxicity"] <= 0.5


def test_each_text():
    """Each text has its own scores, in order."""
    assert OWN(["silly", "x", "bite you"]) == {
        "toxicity": [0.4, 0.0, 0.9],
        "insult": [0.4, 0.0, 0.0],
        "threat": [0.0, 0.0, 0.9],
    }


@given(st.text() | st.text(alphabet=string.ascii_letters + " @$!*013"))
def test_any_text(text):
    """Each text has a score for each label, all within range, and none above the combined one."""
    scores = OWN.scores(text)
    assert set(scores) == {"toxicity", "insult", "threat"}
    assert all(0 <= score <= scores["toxicity"] < 1 for score in scores.values())


def test_own_list(tmp_path, monkeypatch):
    """A custom list replaces the built-in one."""
    file = tmp_path / "list.json"
    file.write_text(json.dumps({"house rules": {"0.8": ["Politics", "tax re*"]}}))
    monkeypatch.setenv("LEXICON_FILE", str(file))
    assert load().scores("about TAX RETURNS, idiot") == {"toxicity": 0.8, "house rules": 0.8}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"a": 1}',
        '{"a": {"x": ["b"]}}',
        '{"a": {"2": ["b"]}}',
        '{"a": {"1": "b"}}',
        '{"a": {"1": [" "]}}',
        None,
    ],
)
def test_wrong_list(tmp_path, monkeypatch, text):
    """An invalid list is reported at the start."""
    file = tmp_path / "list.json"
    if text is not None:
        file.write_text(text)
    monkeypatch.setenv("LEXICON_FILE", str(file))
    with pytest.raises(ConfigError, match="LEXICON_FILE"):
        load()
