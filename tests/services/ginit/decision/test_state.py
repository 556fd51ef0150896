"""What is known of the services, and what follows for the appliance."""

from dataclasses import replace

import pytest

from services.ginit.decision.state import HANGS_AFTER_S, SERVING, Appliance, Phase, RefusedConfig
from tests.services.ginit.decision.samples import new_service, service


@pytest.mark.parametrize("phase", list(Phase))
def test_start_of_a_new_service_is_over(phase):
    """When it serves, or stays idle: in all other phases the next service waits."""
    assert new_service(phase).startup_over is (phase in SERVING or phase is Phase.IDLE)


@pytest.mark.parametrize("fields", [{"is_late": True}, {"failures": 3}, {"last_good": "old"}])
def test_service_that_nobody_waits_for(fields):
    """It takes too long, fails again and again, or was healthy before."""
    assert new_service(Phase.STARTING, **fields).startup_over
    assert not new_service(Phase.STARTING, failures=2).startup_over


def test_problem_of_a_service():
    assert service().problem == ""
    assert service(unresponsive_s=HANGS_AFTER_S).problem == "one sends no heartbeat"
    assert service(Phase.WAITING).problem == "one is waiting"
    assert service(Phase.PAUSING, reason="exit code 1").problem == "one is pausing: exit code 1"
    assert service(Phase.STARTING, unresponsive_s=HANGS_AFTER_S).problem == "one is starting"


def test_refused_content():
    refused = RefusedConfig("new", "must be a list")
    assert service(content="new", refused=refused).refusal == refused
    assert service(content="newer", refused=refused).refusal is None
    assert service(content="new", in_force="new", refused=refused).refusal is None
    assert service(content="new", refused=refused, missing="is a FIFO").refusal == RefusedConfig(
        "", "the file is a FIFO"
    )


def test_unproven_config():
    assert service(in_force="new").has_unproven_config
    assert not service().has_unproven_config
    assert not new_service(in_force="new").has_unproven_config  # there is nothing to go back to


def test_who_can_reload():
    assert service(writes_checksum=True).can_reload
    assert service(name="bus").can_reload
    assert not service().can_reload


def test_problems_of_the_appliance():
    """All of them, the most general first; without any it is healthy."""
    appliance = Appliance((service(), service(Phase.IDLE, "two")), 2)
    assert appliance.problems == ("two is idle",)
    assert not appliance.healthy
    assert Appliance((service(),), 2).healthy
    everything = replace(
        appliance, stopping=True, given_up="one has died", supervisord_responds=False, record_problems=("records wait",)
    )
    assert everything.problems == (
        "the appliance is being stopped",
        "one has died",
        "supervisord does not respond",
        "records wait",
        "two is idle",
    )


def test_start_of_the_appliance_is_over():
    assert Appliance((service(), service(Phase.IDLE, "two")), 2).startup_over
    assert not Appliance((service(), new_service(Phase.STARTING, "two")), 2).startup_over


def test_next_timer():
    services = (service(timer_at=7.0), service(name="two"), service(name="three", timer_at=5.0))
    appliance = Appliance(services, 2)
    assert appliance.timer_at == 5.0
    assert replace(appliance, services=(*services, service(name="four", check_at=4.0))).timer_at == 4.0
    assert Appliance((service(),), 2).timer_at is None
    assert replace(appliance, stopping=True).timer_at is None
    assert replace(appliance, given_up="reason").timer_at is None


def test_services_by_name():
    """The order stays; a service that is not there is neither found nor added."""
    appliance = Appliance((service(), service(name="two")), 2)
    assert appliance.get("two").name == "two"
    assert appliance.get("three") is None
    changed = appliance.put(service(Phase.IDLE))
    assert [(one.name, one.phase) for one in changed.services] == [("one", Phase.IDLE), ("two", Phase.HEALTHY)]
    assert appliance.put(service(name="three")) == appliance
    assert [one.name for one in appliance.without("one").services] == ["two"]
