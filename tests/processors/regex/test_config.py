"""The environment variables and the config file of regex."""

import json

import pytest

from gecholog import gjson
from gecholog.errors import ConfigError
from processors.regex.config import from_environment

pytest.importorskip("re2", reason="google-re2 is not installed (the extra regex)")


@pytest.fixture
def file(tmp_path):
    """Return a function that writes a config file and returns the environment that names it."""

    def write(**values):
        path = tmp_path / "regex_config.json"
        path.write_text(json.dumps(values))
        return {"REGEX_CONFIG": str(path)}

    return write


def test_built_in():
    """By default it searches for the original's patterns in all texts of the assistant."""
    config = from_environment({})
    assert set(config.patterns) == {"default", "/markdown/", "/json/"}
    assert all(pattern.path is None for pattern in config.patterns.values())
    assert (config.match_json, config.seconds) == (False, 0.05)
    found = config.patterns["/json/"].expression.finditer("```json\n{}\n```")
    assert [match.group(1) for match in found] == ["{}"]


def test_variables():
    """One pattern and one field for all routers."""
    config = from_environment({"REGEX_PATTERN": "a(b)", "REGEX_FIELD": "egress_payload.text"})
    assert set(config.patterns) == {"default"}
    assert config.patterns["default"].path == gjson.parse("egress_payload.text")


@pytest.mark.parametrize(
    ("value", "wanted"),
    [("true", True), ("1", True), ("yes", True), ("", False), ("false", False), ("0", False), ("No", False)],
)
def test_match_json(value, wanted):
    """Any word except for a no counts as yes."""
    assert from_environment({"MATCH_JSON": value}).match_json is wanted


def test_file(file):
    """A file has a pattern for each router, and may name variables."""
    environ = file(
        patterns=[
            {"router": "/a/", "regex": "${WORD}$$", "field": "egress_payload.choices.0.text"},
            {"router": "default", "regex": "b"},
        ],
        match_json=True,
        timeout_ms=1500,
    )
    config = from_environment(environ | {"WORD": "needle"})
    assert set(config.patterns) == {"/a/", "default"}
    assert [match.group(0) for match in config.patterns["/a/"].expression.finditer("needle in a needle")] == ["needle"]
    assert (config.match_json, config.seconds) == (True, 1.5)


ENTRY = {"router": "default", "regex": "secret-word"}


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({}, "patterns"),
        ({"patterns": []}, "patterns"),
        ({"patterns": [ENTRY, ENTRY]}, r"patterns\[0\].router .*: two entries must not have the same router"),
        ({"patterns": [ENTRY | {"router": "a"}]}, r"patterns\[0\].router"),
        ({"patterns": [ENTRY | {"regex": "secret-word("}]}, r"patterns\[0\].regex"),
        ({"patterns": [ENTRY | {"regex": ""}]}, r"patterns\[0\].regex"),
        ({"patterns": [{"router": "default"}]}, r"patterns\[0\].regex"),
        ({"patterns": [ENTRY | {"field": "secret-word.*"}]}, r"patterns\[0\].field"),
        ({"patterns": [ENTRY], "timeout_ms": 0}, "timeout_ms"),
        ({"patterns": [ENTRY], "match_json": "yes"}, "match_json"),
    ],
)
def test_wrong_file(file, values, problem):
    """Problems are named by path, without the value."""
    with pytest.raises(ConfigError, match=problem) as caught:
        from_environment(file(**values))
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize("environ", [{"REGEX_PATTERN": "("}, {"REGEX_FIELD": "a.*"}, {"REGEX_CONFIG": "/no/such/file"}])
def test_wrong_variables(environ):
    """An invalid variable is named."""
    name = next(iter(environ))
    with pytest.raises(ConfigError, match=name if name != "REGEX_CONFIG" else "cannot be read"):
        from_environment(environ)
