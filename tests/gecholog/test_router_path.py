"""Paths of routers as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog import schema
from gecholog.keyvalue import checked
from gecholog.router_path import key_part, meant, of_key_part


@pytest.mark.parametrize("said", ["/a/b/", "/a/b", "a/b/", "a/b", " /a/b/ ", "//a/b//", "/a/b/\n"])
def test_slashes_that_are_missing(said):
    """The path that was meant begins and ends with one slash."""
    assert meant(said) == "/a/b/"


@pytest.mark.parametrize("said", ["", " ", "a b", "/ä/", "//", "/a?b/", "${X}"])
def test_what_tells_nothing(said):
    """What can be no path of a router is none with slashes either."""
    assert meant(said) == ""


@given(st.text("a/._-", max_size=6))
def test_what_is_right_stays(text):
    """A path that is right is what was meant."""
    path = f"/{text.strip('/')}/" if text.strip("/") else "/"
    assert meant(path) == path


@given(st.from_regex(schema._common()["router_path"]["pattern"]))
def test_any_path_is_one_part_of_a_key(path):
    """It can be read back, and the key has the parts that it is to have."""
    key = checked(f"topic.{key_part(path)}.replica")
    assert key.split(".") == ["topic", key_part(path), "replica"]
    assert of_key_part(key_part(path)) == path


@given(st.from_regex(schema._common()["router_path"]["pattern"]))
def test_no_path_has_a_dot_segment(path):
    """Calls of such a path are refused: a router of it could never be called."""
    assert not {".", ".."} & set(path.split("/"))
