"""run/state.json: what other programs learn of the appliance."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from services.ginit.config import Definition
from services.ginit.decision.state import Appliance, Phase, RefusedConfig, ServiceState
from services.ginit.state_file import OwnConfig, StateFile, as_json

OWN = OwnConfig("/conf/ginit_config.json")


def service(name, phase=Phase.HEALTHY, **fields):
    file = Path(f"/conf/{name}.json")
    definition = Definition(
        name, Path("/bin") / name, "-o", file, ("-a", f"{name}-alias"), "--validate", "up", True, False
    )
    return ServiceState(definition, phase, **fields)


def test_state_of_a_service():
    """Its checksum counts while it serves; the time of its phase is that of the clock on the wall."""
    known = {"last_good": "ab", "writes_checksum": True, "starts": 2, "since": 10.0}
    appliance = Appliance((service("one", **known), service("two", Phase.PAUSING, reason="exit code 1", **known)), 2)
    state = as_json(appliance, OWN, 12.0, 5_000_000_000)
    one, two = state["services"]
    assert one == {
        "name": "one",
        "alias": "one-alias",
        "state": "healthy",
        "since": "1970-01-01T00:00:03.000000000Z",
        "starts": 2,
        "writes_checksum": True,
        "checksum": "ab",
        "reason": "",
    }
    assert (two["state"], two["checksum"], two["reason"]) == ("pausing", None, "exit code 1")
    assert (state["healthy"], state["startup_over"]) == (False, True)
    assert state["problems"] == ["two is pausing: exit code 1"]


def test_state_of_refused_files():
    """ginit's own first; those of services with the sum of what is refused, if the file has a content."""
    refused = service("one", content="ff", in_force="ab", refused=RefusedConfig("ff", "must be a list"))
    missing = service("two", content="ab", in_force="ab", missing="is not there")
    own = replace(OWN, refusal="is not JSON", left_out=({"entry": "service x"},))
    state = as_json(Appliance((refused, missing, service("three")), 2), own, 0.0, 0)
    assert state["refused"] == [
        {"service": "ginit", "file": "/conf/ginit_config.json", "sha256": None, "reason": "is not JSON"},
        {"service": "one", "file": "/conf/one.json", "sha256": "ff", "reason": "must be a list"},
        {"service": "two", "file": "/conf/two.json", "sha256": None, "reason": "the file is not there"},
    ]
    assert state["left_out"] == [{"entry": "service x"}]
    assert state["healthy"]


def test_file_is_written_when_the_state_changes(tmp_path):
    """Not at each event: the same state is the same file."""
    file = StateFile(tmp_path / "run" / "state.json")
    appliance = Appliance((service("one"),), 2)
    file.write(appliance, OWN)
    path = tmp_path / "run" / "state.json"
    before = path.stat().st_ino
    file.write(Appliance((service("one"),), 2), OWN)
    assert path.stat().st_ino == before
    for changed in ((replace(appliance, stopping=True), OWN), (appliance, replace(OWN, refusal="is not JSON"))):
        file.write(*changed)
        written = json.loads(path.read_text())
        assert written == as_json(*changed, 0, 0) | {"services": written["services"]}


def test_file_is_read_by_the_next_ginit(tmp_path):
    """The entries of the services by their names."""
    file = StateFile(tmp_path / "state.json")
    file.write(Appliance((service("one", starts=3), service("two")), 2), OWN)
    assert {name: entry["starts"] for name, entry in StateFile(tmp_path / "state.json").read().items()} == {
        "one": 3,
        "two": 0,
    }
    file.remove()
    file.remove()
    assert file.read() == {}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"services": [{}]}', '{"services": 1}', '{"services": [1]}'])
def test_file_that_someone_else_wrote(tmp_path, text):
    """Nothing is known then."""
    (tmp_path / "state.json").write_text(text)
    assert StateFile(tmp_path / "state.json").read() == {}


def test_state_that_cannot_be_written(tmp_path):
    """It is an error each time, until it can be."""
    (tmp_path / "run").write_text("no folder")
    file = StateFile(tmp_path / "run" / "state.json")
    for _ in range(2):
        with pytest.raises(OSError, match="exists"):
            file.write(Appliance((), 2), OWN)
    (tmp_path / "run").unlink()
    file.write(Appliance((), 2), OWN)
    assert (tmp_path / "run" / "state.json").exists()
