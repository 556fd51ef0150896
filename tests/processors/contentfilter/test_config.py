"""The environment variables of contentfilter."""

import sys

import pytest

from gecholog.errors import ConfigError
from processors.contentfilter.config import from_environment

WORD_LIST = {"CLASSIFIER": "processors.contentfilter.lexicon:load"}


def test_usual():
    """Without other variables it has the original's threshold, and a limit."""
    config = from_environment(WORD_LIST)
    assert (config.threshold, config.roles, config.max_characters) == (0.5, {"user"}, 1_000_000)
    assert (config.status, config.is_error) == (200, False)
    assert config.classify(["Hello", "You idiot"])["toxicity"] == [0.0, 0.75]


def test_set():
    """Threshold, roles and limit are read."""
    config = from_environment(WORD_LIST | {"THRESHOLD": "0.9", "ROLES": "user, system,tool", "MAX_CHARACTERS": "7"})
    assert (config.threshold, config.roles, config.max_characters) == (0.9, {"user", "system", "tool"}, 7)
    config = from_environment(WORD_LIST | {"STATUS_CODE": "451"})
    assert (config.status, config.is_error) == (451, True)


def test_usual_classifier():
    """By default the model of the extra classifies."""
    pytest.importorskip("profanity_check", reason="alt-profanity-check is not installed (the extra contentfilter)")
    assert from_environment({}).classify(["You are an idiot"])["toxicity"][0] > 0.9


def test_without_the_extra(monkeypatch):
    """A different classifier is never used silently: the error names the extra and the alternative."""
    monkeypatch.setitem(sys.modules, "profanity_check", None)  # so Python does not find it
    with pytest.raises(ConfigError) as caught:
        from_environment({})
    assert "profanity_check: is not installed: the extra contentfilter has it" in str(caught.value)
    assert f"CLASSIFIER={WORD_LIST['CLASSIFIER']}" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("THRESHOLD", "high"),
        ("THRESHOLD", "-0.1"),
        ("THRESHOLD", "1.5"),
        ("THRESHOLD", "nan"),
        ("ROLES", "user,nobody"),
        ("ROLES", ","),
        ("MAX_CHARACTERS", "0"),
        ("MAX_CHARACTERS", "-1"),
        ("MAX_CHARACTERS", "1 MB"),
        ("STATUS_CODE", "0"),
        ("STATUS_CODE", "204"),
        ("STATUS_CODE", "302"),
        ("STATUS_CODE", "399"),
        ("STATUS_CODE", "600"),
        ("STATUS_CODE", "-400"),
        ("STATUS_CODE", "4e2"),
        ("STATUS_CODE", "Bad Request"),
        ("CLASSIFIER", "detoxify"),
        ("CLASSIFIER", "no_such_module_here:load"),
    ],
)
def test_wrong(name, value):
    """An invalid variable is named."""
    with pytest.raises(ConfigError, match=name):
        from_environment({name: value})
