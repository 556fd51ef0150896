"""Keys of targets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.keyvalue import checked
from services.gl.candidates.target_key import bus_part, fields_of, of_bus_part, provider_key

texts = st.text(st.characters(exclude_categories=()), min_size=1)


@given(texts)
def test_part_of_a_key_on_the_bus(key):
    """Any text, lone surrogates among them, is one part of a valid key, and comes back unchanged."""
    part = bus_part(key)
    assert checked(part) == part
    assert "." not in part
    assert of_bus_part(part) == key


@given(st.one_of(st.text(), st.from_regex(r"[-/a-z=0-9A-F]+", fullmatch=True)))
def test_garbage_on_the_bus(part):
    """What `bus_part` would not have written is no key."""
    key = of_bus_part(part)
    assert key is None or bus_part(key) == part


def test_readable():
    """A usual name is readable with the tools of NATS."""
    assert bus_part("openai/gpt-4.1") == "openai/gpt-4=2E1"
    assert bus_part("/a/b/") == "/a/b/"


@given(texts, texts)
def test_long_names(one, other):
    """A key is short, also if a client names a very long model, and differs for different names."""
    keys = [provider_key("p", "x" * 300 + name) for name in (one, other)]
    assert all(len(key) < 220 for key in keys)
    assert (keys[0] == keys[1]) == (one == other)


@pytest.mark.parametrize(
    ("key", "fields"),
    [
        ("/a/", {"router": "/a/"}),
        (provider_key("openai", "org/model"), {"provider": "openai", "model": "org/model"}),
    ],
)
def test_fields(key, fields):
    """Logs name a router, or provider and model."""
    assert fields_of(key) == fields
