"""What a name means to a config, on the command line."""

import json

import pytest

from services.gl.resolve import main
from tests.services.gl.rig.gateway import config_of, router


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("NATS_TOKEN", "a-token")
    provider = {"name": "one", "dialect": "openai", "url": "http://one/v1", "api_key": "a-key-of-one"}
    value = config_of(
        "localhost:4222",
        [router("/a/", "https://target")],
        providers=[provider, {**provider, "name": "gone", "api_key": "${NOT_SET}"}],
        models=[
            {
                "name": "words",
                "strategy": "heuristic",
                "targets": ["one/a", "one/b"],
                "rules": [{"keywords": ["debug"], "target": "one/b"}],
            },
            {
                "name": "rated",
                "strategy": "classifier",
                "targets": ["one/low", "words", "one/high"],
                "classifier": {"model": "one/judge"},
            },
        ],
    )
    path = tmp_path / "gl_config.json"
    path.write_text(json.dumps(value))
    return str(path)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["words"], 0, ["1. one/a", "http://one/v1", "no keyword", "2. one/b"]),
        (["words", "--prompt", "Debug!"], 0, ["1. one/b", "keyword 'debug'", "2. one/a"]),
        (["rated"], 0, ["1. one/a", "words", "rated would ask one/judge"]),
        (["rated", "--rating", "9"], 0, ["1. one/high", "rated 9 of 10"]),
        (["one/any"], 0, ["1 candidate", "1. one/any"]),
        (["gone/any"], 1, ["provider gone is left out: NOT_SET is not set"]),
        (["wrods"], 1, ["no model of this name; close to it: words"]),
    ],
)
def test_resolve(file, capsys, arguments, code, said):
    """The candidates in their order, and what decided; never a key."""
    assert main([*arguments, "-o", file]) == code
    out = capsys.readouterr().out
    at = [out.find(text) for text in said]
    assert -1 not in at, out
    assert at == sorted(at)
    assert "a-key-of-one" not in out


def test_a_wrong_config(tmp_path, capsys):
    """It says what is wrong with the file."""
    (tmp_path / "x.json").write_text("{")
    assert main(["m", "-o", str(tmp_path / "x.json")]) == 1
    assert "is not JSON" in capsys.readouterr().err
