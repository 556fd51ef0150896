"""ginit looks at what gateways say of their records."""

from pathlib import Path

from gecholog.recordstatus import RecordStatus, RecordStatusFile
from services.ginit.config import Definition
from services.ginit.decision.events import RecordProblems, RestartWanted
from services.ginit.decision.state import Appliance, Phase, ServiceState
from services.ginit.records import RecordWatch


def service(name, program, phase=Phase.HEALTHY):
    definition = Definition(
        name, Path("/bin") / program, "-o", Path("/conf"), ("-a", name), "--validate", "up", True, False
    )
    return ServiceState(definition, phase)


class Scene:
    def __init__(self, home, *services):
        self.told = []
        self.state = Appliance(services, 2)
        self.file = RecordStatusFile.of("gl", home)
        self.watch = RecordWatch(home, lambda: self.state, self.told.append)

    def looks(self, now, status):
        """What is told after a look."""
        self.file.write(status)
        self.told.clear()
        self.watch.read(now)
        return list(self.told)


def test_problems_come_and_go(tmp_path):
    """Each change is told once; a gateway without trouble, or without a file, is none."""
    scene = Scene(tmp_path, service("bus", "nats-server"), service("gl", "gl"))
    scene.watch.read(0)
    assert scene.told == []
    failing = RecordStatus(failing=True, reason="17 records lost", lost=17)
    assert scene.looks(1, failing) == [RecordProblems(("records of gl: 17 records lost",))]
    assert scene.looks(2, failing) == []
    assert scene.looks(3, RecordStatus(lost=17)) == [RecordProblems(())]


def test_gateway_that_does_not_serve(tmp_path):
    """What it said before it ended is of yesterday."""
    scene = Scene(tmp_path, service("gl", "gl", Phase.PAUSING))
    assert scene.looks(1, RecordStatus(failing=True, reason="records wait")) == []


def test_stalled_stream(tmp_path):
    """nats-server is restarted once the stream has been stalled for seconds, and nothing else is."""
    scene = Scene(tmp_path, service("bus", "nats-server"), service("gl", "gl"), service("dummy", "dummy"))
    stalled = RecordStatus(failing=True, stalled=True, reason="the stream does not answer")
    told = [event for now in range(20) for event in scene.looks(now, stalled)]
    assert [type(event) for event in told] == [RecordProblems, RestartWanted]
    assert told[1].name == "bus"


def test_bus_of_someone_else(tmp_path):
    """Without a nats-server among the services there is none to restart."""
    scene = Scene(tmp_path, service("gl", "gl"))
    stalled = RecordStatus(failing=True, stalled=True, reason="the stream does not answer")
    assert [type(event) for now in range(20) for event in scene.looks(now, stalled)] == [RecordProblems]
