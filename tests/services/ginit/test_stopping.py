"""The order in which services are stopped, and how long each of them may take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ginit.stopping import stop_priority, stop_wait_s
from services.ginit.supervisord.program import STOP_WAIT
from tests.services.ginit.edges import definition


def wait(text, **environ):
    return stop_wait_s(text.encode(), environ)


def test_a_little_more_than_the_config_asks_for():
    """The last records leave after the last calls."""
    assert wait('{"shutdown_timeout_ms": 20000}') == 23
    assert wait('{"shutdown_timeout_ms": "${WAIT}"}', WAIT="7000") == 10
    assert wait('\ufeff{"shutdown_timeout_ms": 7000}') == 10


def test_never_less_than_usual():
    assert wait('{"shutdown_timeout_ms": 0}') == STOP_WAIT
    assert wait('{"shutdown_timeout_ms": -99000}') == STOP_WAIT


def test_not_for_ever():
    assert wait('{"shutdown_timeout_ms": 1e300}') == 24 * 3600


@pytest.mark.parametrize(
    "text",
    ["", "port: 4222", "[]", "{}", '{"shutdown_timeout_ms": null}', '{"shutdown_timeout_ms": 1e999}', "[" * 99999],
)
def test_config_that_does_not_ask(text):
    assert wait(text) == STOP_WAIT


@given(st.binary(max_size=50))
def test_whatever_the_file_holds(data):
    """An exception here would end ginit."""
    assert STOP_WAIT <= stop_wait_s(data, {}) <= 24 * 3600


def test_order(tmp_path):
    """The gateway first, then the others from the last to the first, the bus at the end: wherever they stand."""
    programs = {"bus": "nats-server", "gateway": "gl", "sink": "nats2file", "counter": "tokencounter"}
    services = [definition(tmp_path, name, program=f"/bin/{program}") for name, program in programs.items()]
    priorities = {one.name: stop_priority(one, place) for place, one in enumerate(services)}
    assert sorted(priorities, key=priorities.get, reverse=True) == ["gateway", "counter", "sink", "bus"]
    assert stop_priority(services[0], 500) < stop_priority(services[1], 0)
