"""How many connections the limit of open files allows."""

import pytest

from services.gl.server.descriptors import most_connections


@pytest.mark.parametrize(
    ("wanted", "descriptors", "most"),
    [
        (10_000, None, 10_000),
        (0, None, 0),
        (10_000, 1_048_576, 10_000),
        (10_000, 1024, 464),
        (0, 1024, 464),
        (100, 1024, 100),
        (10_000, 200, 52),
        (10_000, 20, 8),
        (3, 20, 3),
    ],
)
def test_most_connections(wanted, descriptors, most):
    """Two descriptors a call, some for everything else; never so few that nothing goes."""
    assert most_connections(wanted, descriptors) == most
