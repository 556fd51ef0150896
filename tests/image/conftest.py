"""The image under test, containers of it that are gone after the test, and the figures at the end of the report.

Without an image that run.sh has built, these tests are none of pytest's business.
"""

import os
import uuid

import pytest

from tests.image.engine import HARDENED, Container, given

collect_ignore_glob = [] if given() else ["test_*.py"]

_FIGURES = pytest.StashKey[list[str]]()


def pytest_configure(config):
    config.stash[_FIGURES] = []


def pytest_terminal_summary(terminalreporter, config):
    if figures := config.stash[_FIGURES]:
        terminalreporter.section("the image in figures")
        for figure in figures:
            terminalreporter.write_line(figure)


@pytest.fixture(scope="session")
def figures(pytestconfig):
    """Lines for the end of the report."""
    return pytestconfig.stash[_FIGURES]


@pytest.fixture(scope="session")
def engine():
    return given()


@pytest.fixture
def containers(engine):
    """Starts containers: `containers(*options, command=…, network=…)`."""
    made = []

    def start(*options, **how):
        made.append(Container(engine, *options, **how))
        return made[-1]

    yield start
    for container in reversed(made):  # one whose network others share goes last
        container.close()


@pytest.fixture
def volume(engine):
    """A new volume; a container that mounts it at /app finds there what the image has there."""
    name = f"gecholog-test-{uuid.uuid4().hex[:12]}"
    engine("volume", "create", name)
    yield name
    engine("volume", "rm", "--force", name, check=False)


@pytest.fixture(scope="module")
def hardened(engine, figures):
    """The appliance with its defaults, allowed as little as possible: only /app, empty at first, can be written."""
    container = Container(engine, *engine.read_only, *HARDENED, "--tmpfs", "/app")
    seconds = container.becomes_healthy()
    busy = f"{os.getloadavg()[0]:.1f} programs want {os.cpu_count()} processors"
    figures.append(f"from `run` to the first time healthy: {seconds:.1f} s (goal: under 5; {busy})")
    yield container
    container.close()
