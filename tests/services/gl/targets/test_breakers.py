"""The circuit breakers of all targets."""

import logging

import pytest

from services.gl.candidates.candidate import Candidate
from services.gl.models.provider import provider_of
from services.gl.resilience.breaker import BreakerRules, State, opened
from services.gl.resilience.rules import ResilienceRules
from services.gl.routing.routers import Router, no_target
from services.gl.targets.breakers import Breakers

RULES = BreakerRules(failures=2, open=5.0)
A, B = (Candidate(Router(path, {}, no_target(), resilience=ResilienceRules(breaker=RULES))) for path in ("/a/", "/b/"))
FREE = Candidate(Router("/free/", {}, no_target()))
MODEL = Candidate(A.router, provider_of({"name": "openai", "dialect": "openai", "breaker": {"failures": 1}}), "gpt-4.1")


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breakers(clock):
    return Breakers(clock)


@pytest.fixture
def lines(caplog):
    """Level, message and fields of each line."""
    caplog.set_level(logging.INFO)
    return lambda: [(line.levelname, line.message, line.fields) for line in caplog.records]


def calls(breakers, candidate, *outcomes):
    """Make calls, one after another: True is a success."""
    for outcome in outcomes:
        start = breakers.began(candidate)
        breakers.ended(candidate, start, failed=None if outcome is None else not outcome, reason="status 503")


def test_open_targets_are_passed_over(breakers):
    """The others keep their order; targets without a circuit breaker always take part."""
    calls(breakers, A, False, False)
    calls(breakers, FREE, False, False, False)
    assert breakers.admitted([A, B, FREE]) == [B, FREE]
    assert not breakers.admits(A)
    assert breakers.admitted([]) == []


def test_all_open(breakers, clock):
    """The target whose breaker opened first is tried."""
    calls(breakers, B, False, False)
    clock.now += 1
    calls(breakers, A, False, False)
    assert breakers.admitted([A, B]) == [B]


def test_half_open(breakers, clock):
    """One probe at a time; a client that leaves allows another one, a success closes."""
    calls(breakers, A, False, False)
    clock.now += 5
    assert breakers.admitted([A, B]) == [A, B]
    start = breakers.began(A)
    assert breakers.admitted([A, B]) == [B]
    breakers.ended(A, start, failed=None)
    assert breakers.admitted([A, B]) == [A, B]
    calls(breakers, A, True)
    assert [(one.target, one.state) for one in breakers.states()] == [("/a/", State.CLOSED)]


def test_log(breakers, clock, lines):
    """One line for each transition. Only the first one is a warning: it says which target, and why."""
    calls(breakers, MODEL, False)
    clock.now += 30
    calls(breakers, MODEL, False)
    clock.now += 30
    calls(breakers, MODEL, True, True)
    where = {"provider": "openai", "model": "gpt-4.1"}
    assert lines() == [
        (
            "WARNING",
            "circuit breaker opened",
            where | {"reason": "1 failures in a row, the last: status 503", "open_ms": 30_000},
        ),
        ("INFO", "circuit breaker half-open, probing", where),
        ("INFO", "circuit breaker stays open", where | {"reason": "the probe failed: status 503", "open_ms": 30_000}),
        ("INFO", "circuit breaker half-open, probing", where),
        ("INFO", "circuit breaker closed", where),
    ]


def test_states(breakers, clock):
    """What metrics and the health check show."""
    calls(breakers, A, False, False)
    calls(breakers, B, True)
    found = {one.target: one for one in breakers.states()}
    assert (found["/a/"].state, found["/a/"].opened, found["/a/"].until) == (State.OPEN, 100.0, 105.0)
    assert found["/b/"].state is State.CLOSED
    clock.now = 105.0
    assert {one.target: one.state for one in breakers.states()}["/a/"] is State.HALF_OPEN


def test_observers(breakers):
    """Observers are told of transitions; those of the other replicas are not for all of them."""
    told, local = [], []
    stop = breakers.observe(told.append)
    breakers.observe(local.append, only_local=True)
    calls(breakers, A, False)
    assert told == []
    calls(breakers, A, False)
    breakers.replace("/b/", opened(100.0, 105.0, "x"))
    assert (told, local) == (["/a/", "/b/"], ["/a/"])
    stop()
    calls(breakers, A, True)
    assert (told, local) == (["/a/", "/b/"], ["/a/", "/a/"])


def test_another_replica(breakers, lines):
    """What another replica has seen counts here, and is logged once; it does not reset what is counted here."""
    breakers.replace("/a/", opened(100.0, 103.0, "2 failures"))
    breakers.replace("/a/", opened(100.0, 104.0, "again"))
    assert breakers.admitted([A, B]) == [B]
    breakers.replace("/a/", breakers.get("/none/"))
    calls(breakers, B, False)
    breakers.replace("/b/", breakers.get("/none/"))
    calls(breakers, B, False)
    assert breakers.admitted([A, B]) == [A]
    assert [(message, fields) for _, message, fields in lines()][:2] == [
        ("circuit breaker changed by another replica", {"router": "/a/", "state": "open", "reason": "2 failures"}),
        ("circuit breaker changed by another replica", {"router": "/a/", "state": "closed"}),
    ]


def test_a_new_config(breakers):
    """Targets without a circuit breaker are forgotten."""
    calls(breakers, A, False, False)
    calls(breakers, B, False, False)
    breakers.retain({"/a/": RULES}.get)
    assert [one.target for one in breakers.states()] == ["/a/"]
