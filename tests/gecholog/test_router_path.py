"""Paths of routers as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.router_path import meant, meant_paths


@pytest.mark.parametrize("said", ["/a/b/", "/a/b", "a/b/", "a/b", " /a/b/ ", "//a/b//", "/a/b/\n"])
def test_slashes_that_are_missing(said):
    """The path that was meant begins and ends with one slash."""
    assert meant(said) == "/a/b/"


@pytest.mark.parametrize("said", ["", " ", "a b", "/ä/", "//", "/a?b/", "${X}"])
def test_what_tells_nothing(said):
    """What can be no path of a router is none with slashes either."""
    assert meant(said) == ""


def test_several():
    """Those that tell nothing are left out; `/` is a router of its own."""
    assert meant_paths(["/", "a", "a b", "/a/"]) == {"/", "/a/"}


@given(st.text("a/._-", max_size=6))
def test_what_is_right_stays(text):
    """A path that is right is what was meant."""
    path = f"/{text.strip('/')}/" if text.strip("/") else "/"
    assert meant(path) == path
