"""Names that can be looked up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.hostname import problem


@pytest.mark.parametrize("host", ["h", "a.b.c", "a.b.", "::1", "127.0.0.1", "a" * 63, "xn--a.b", "_a.b"])
def test_names(host):
    """Names, with a dot at their end or not, and addresses."""
    assert problem(host) == ""


@pytest.mark.parametrize("host", ["", ".", "..", ".a", "a..b", "a..", "...", "a" * 64, ".".join(["a" * 60] * 5)])
def test_no_names(host):
    """Empty parts, and parts or names that are too long."""
    assert problem(host).startswith("must have a host name ")


@given(st.text("ab.", max_size=80))
def test_what_python_encodes(host):
    """A name without a problem can be encoded for a look-up; that is where the others end in a UnicodeError."""
    if not problem(host):
        assert host.encode("idna")
