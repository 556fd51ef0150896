"""What other services see of gl's config."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.config import peek
from gecholog.errors import ConfigError
from gecholog.gateway_config import GatewayConfig, ProcessorEntry, beside

NAMES = ["routers", "path", "outbound", "add_stream_usage", "request", "processors", "routers", "service_bus_topic"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=15,
)


def test_what_is_seen(tmp_path, monkeypatch):
    """Routers, valid or not, with values from the environment; whom gl asks, and about which routers."""
    monkeypatch.setenv("WHERE", "b")
    entry = {"service_bus_topic": "t", "async": True, "output_fields_write": ["x"], "routers": ["/a/"]}
    value = {
        "routers": [{"path": "/a/", "outbound": {"add_stream_usage": True}}, {"path": "/$WHERE/"}],
        "request": {"processors": [[], [entry]]},
        "response": {"processors": [[{"service_bus_topic": "u"}]]},
    }
    (tmp_path / "gl_config.json").write_text(json.dumps(value))
    late = ProcessorEntry("request", "t", is_async=True, writes=frozenset({"x"}), routers=frozenset({"/a/"}))
    other = ProcessorEntry("response", "u", is_async=False, writes=frozenset(), routers=frozenset())
    assert beside(tmp_path) == GatewayConfig(frozenset({"/a/", "/b/"}), frozenset({"/a/"}), (late, other))
    assert (late.applies_to("/a/"), late.applies_to("/b/"), other.applies_to("/b/")) == (True, False, True)


def test_no_file(tmp_path):
    """Without a file that can be read there is nothing to see."""
    assert beside(tmp_path) is None
    (tmp_path / "gl_config.json").write_text("{")
    assert beside(tmp_path) is None


@given(JSON)
def test_any_value(tmp_path_factory, value):
    """Whatever the file holds, looking at it does not fail."""
    folder = tmp_path_factory.getbasetemp()
    (folder / "gl_config.json").write_text(json.dumps(value))
    assert isinstance(beside(folder), GatewayConfig)


@pytest.mark.parametrize("data", [b"", b"\xff", b"[" * 100_000, b"{'a': 1}"])
def test_peek_at_what_is_no_json(data):
    """It is a ConfigError, whatever the bytes are."""
    with pytest.raises(ConfigError):
        peek(data, "f.json", {})
