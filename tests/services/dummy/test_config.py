"""The config file."""

import json
from pathlib import Path

import pytest

from gecholog.config import check
from gecholog.errors import ConfigError
from services.dummy.behaviour import Behaviour
from services.dummy.config import build, config_spec

CONF = Path(__file__).parents[3] / "conf" / "dummy_config.json"
LEAST = {"version": "1.0.1", "log_level": "INFO", "port": 5390}


def checked(values):
    return check(json.dumps(values).encode(), "test", config_spec(), {})


def test_least():
    """Every field has a default: this machine only, no delay, no errors, no keys."""
    config = build(checked(LEAST))
    assert (config.host, config.port, config.behaviour, config.api_keys) == ("127.0.0.1", 5390, Behaviour(), ())


def test_all():
    """Milliseconds become seconds. The repr of the config has no keys."""
    more = {
        "host": "::1",
        "api_keys": ["key-1"],
        "latency_ms": 1500,
        "chunks": 4,
        "chunk_delay_ms": 20,
        "error_rate": 0.5,
    }
    config = build(checked(LEAST | more))
    assert config.behaviour == Behaviour(1.5, 4, 0.02, 0.5)
    assert (config.host, config.api_keys) == ("::1", ("key-1",))
    assert "key-1" not in repr(config)


def test_the_default_file():
    """The shipped file is valid, without a warning."""
    found = check(CONF.read_bytes(), "default", config_spec(), {})
    assert not found.warnings
    assert build(found).port == 5390


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("port", 65536),
        ("port", "5390"),
        ("host", ""),
        ("api_keys", [""]),
        ("latency_ms", -1),
        ("chunks", 1.5),
        ("error_rate", 2),
    ],
)
def test_refused(field, value):
    """A wrong field is named."""
    with pytest.raises(ConfigError) as caught:
        checked(LEAST | {field: value})
    assert caught.value.problems[0].path.startswith(field)
