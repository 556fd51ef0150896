"""The dummy as a process, and its clients: OpenAI's official client, and plain HTTP."""

import pytest
from hypothesis import settings

from tests.support.dummy import Dummy

# single examples may be slow on a loaded machine
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture
def start(tmp_path):
    """Return a function that starts dummies. With `ready=False` it does not wait until they listen."""
    started = []

    def begin(ready=True, **config):
        started.append(Dummy(tmp_path / f"dummy{len(started)}", config))
        if ready:
            started[-1].process.wait_for_log("listening for requests")
        return started[-1]

    yield begin
    for dummy in started:
        dummy.process.close()


@pytest.fixture(scope="module")
def dummy(tmp_path_factory):
    """Return a dummy that the tests of a module share."""
    running = Dummy(tmp_path_factory.mktemp("shared") / "dummy", {})
    running.process.wait_for_log("listening for requests")
    yield running
    running.process.close()


@pytest.fixture
def llm(dummy):
    with dummy.client() as client:
        yield client
