"""The dead-letter file."""

import json
import os
import stat

import pytest

from services.nats2log.deadletter import DeadLetter, DeadLetterFile
from services.nats2log.entry import RecordEntry
from services.nats2log.sinks.sink import Fault, FaultKind

FAULT = Fault(FaultKind.REJECTED, "status 400", details="field n")


def dead_letter(data):
    return DeadLetter(RecordEntry(data, "id-1"), FAULT, 4)


@pytest.mark.parametrize(
    ("data", "record"),
    [(b'{"a":\n 1}', {"a": 1}), (b"[1]", [1]), (b"no\njson", "no\njson"), (b"\xff", "\ufffd"), (b"", None)],
)
def test_line(data, record):
    """An entry is one JSON object on one line, whatever the record contains."""
    line = dead_letter(data).line(0)
    assert line.count(b"\n") == 1
    expected = {"time": "1970-01-01T00:00:00.000000000Z", "reason": "status 400", "details": "field n"}
    expected |= {"attempts": 4, "id": "id-1"} | ({} if record is None else {"record": record})
    assert json.loads(line) == expected


async def test_file(tmp_path):
    """Entries are appended. The folder is created if necessary, and the file again if it was moved."""
    file = DeadLetterFile(tmp_path / "home", "alias")
    await file.add([dead_letter(b"{}"), dead_letter(b"1")])
    await file.add([dead_letter(b"2")])
    lines = (tmp_path / "home/log/alias.deadletter.jsonl").read_text().splitlines()
    assert [json.loads(line)["record"] for line in lines] == [{}, 1, 2]
    file.path.unlink()
    await file.add([dead_letter(b"3")])
    assert file.path.read_text().count("\n") == 1


async def test_no_place(tmp_path):
    """If the folder is a file, the client gets an error."""
    (tmp_path / "log").write_text("")
    with pytest.raises(OSError, match="log"):
        await DeadLetterFile(tmp_path, "alias").add([dead_letter(b"{}")])


async def test_only_the_owner_can_read(tmp_path):
    """Dead letters contain whole prompts, so a file of an earlier version is closed to others as well."""
    file = DeadLetterFile(tmp_path, "alias")
    before = os.umask(0o022)
    try:
        await file.add([dead_letter(b"{}")])
        assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
        file.path.chmod(0o644)
        await file.add([dead_letter(b"{}")])
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
