"""What is taken back when a config cannot be written."""

from services.ginit.decision.actions import GiveUp, LogLine, PutInForce, RemoveChecksum, Start, Stop, Unregister
from services.ginit.decision.events import Checked, ContentChanged, TimerFired
from services.ginit.decision.state import Appliance, Phase, ServiceState
from services.ginit.decision.undo import undo, without
from tests.services.ginit.decision.world import World, definition


def appliance(*services):
    return Appliance(tuple(services), 2)


def service(name, phase):
    return ServiceState(definition(name), phase)


def test_services_are_as_before():
    """Those that are named; what was decided about the others counts."""
    before = appliance(service("one", Phase.READY), service("two", Phase.READY))
    after = appliance(service("one", Phase.STARTING), service("two", Phase.STARTING))
    phases = [one.phase for one in undo(before, after, ["one"]).services]
    assert phases == [Phase.READY, Phase.STARTING]


def test_service_that_was_not_there_before():
    """It stays as it was decided: there is nothing to go back to."""
    after = appliance(service("new", Phase.CHECKING))
    assert undo(appliance(), after, ["new"]) == after


def test_actions_that_belong_to_a_service():
    """Its log lines are among them; they are said when it is done."""
    line = LogLine("INFO", "x", {"child": "one"})
    actions = [PutInForce("one", "a"), Start("one"), line, Stop("two"), LogLine("INFO", "y", {"child": "two"})]
    assert without(actions, {"one"}) == tuple(actions[3:])
    assert without(actions, {"one", "two"}) == ()
    assert without(actions, ()) == tuple(actions)


def test_actions_that_are_done_in_any_case():
    """A process that has ended has ended; the end of the appliance waits for no disk."""
    actions = (RemoveChecksum("one"), Unregister(definition("one")), GiveUp("reason"), LogLine("INFO", "of nobody"))
    assert without(actions, {"one"}) == actions


def test_decision_is_made_again_when_there_is_room():
    """Meanwhile nothing is started, and what is dropped in between is not lost."""
    world = World(names=("one",), contents=("valid 0",))
    world.full.add("one")
    world.happens(TimerFired())
    world.judge()
    assert world.phase("one") is Phase.CHECKING
    assert world.alive == set()
    assert world.retries == [Checked(definition("one"), "valid 0", True)]
    world.happens(ContentChanged("one", "valid 1"))
    world.again()
    assert world.phase("one") is Phase.CHECKING
    world.full.clear()
    world.again()
    assert world.loaded == {"one": "valid 0"}
    world.settle()
    assert world.loaded == {"one": "valid 1"}
