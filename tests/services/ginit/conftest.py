"""What the tests of ginit share."""

import pytest

from tests.support.appliance import Home


@pytest.fixture
def home(tmp_path):
    """A home folder for an appliance; whatever still runs after the test is killed."""
    made = Home(tmp_path / "home")
    yield made
    made.close()
