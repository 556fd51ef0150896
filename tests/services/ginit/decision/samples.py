"""Services for the tests of single decisions."""

from services.ginit.decision.actions import LogLine
from services.ginit.decision.state import Phase, ServiceState
from services.ginit.decision.transition import Now
from tests.services.ginit.decision.world import definition

NOW = Now(100.0, max_starts=2)


def service(phase=Phase.HEALTHY, name="one", *, die_promise=False, hang_timeout=15, **fields):
    """A service that is, or was, healthy with the content `old`, and began its phase 10 seconds ago."""
    known = {"content": "old", "last_checked": "old", "in_force": "old", "last_good": "old", "since": 90.0}
    made = definition(name, die_promise=die_promise, hang_timeout=hang_timeout)
    return ServiceState(made, phase, **known | fields)


def new_service(phase=Phase.WAITING, name="one", *, die_promise=False, **fields):
    """A service that has never run; its config file has the content `new`."""
    return ServiceState(definition(name, die_promise=die_promise), phase, **{"content": "new", "since": 90.0} | fields)


def done(actions):
    """The actions without log lines."""
    return [action for action in actions if not isinstance(action, LogLine)]


def logged(actions):
    """The levels and messages of the log lines."""
    return [(action.level, action.message) for action in actions if isinstance(action, LogLine)]
