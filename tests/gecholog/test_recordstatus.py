"""The file in which a gateway says how its records fare."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.recordstatus import RecordStatus, RecordStatusFile

statuses = st.builds(
    RecordStatus, st.booleans(), st.booleans(), st.text(max_size=80), *[st.integers(0, 1 << 60) for _ in range(4)]
)


@given(st.lists(statuses, min_size=1, max_size=4))
def test_round_trip(tmp_path_factory, written):
    """What was written last is read, whatever was there before, and the file never grows."""
    file = RecordStatusFile(tmp_path_factory.mktemp("home") / "status.json")
    sizes = set()
    for status in written:
        file.write(status)
        assert file.read() == status
        sizes.add(file._path.stat().st_size)
    assert len(sizes) == 1


def test_place(tmp_path):
    """Among what is kept while the appliance runs; the folder is made."""
    RecordStatusFile.of("gl", tmp_path).write(RecordStatus(lost=3))
    assert json.loads((tmp_path / "run" / "records-gl.json").read_text())["lost"] == 3


def test_long_reason(tmp_path):
    """It is cut, so that the file need not grow on a full disk."""
    file = RecordStatusFile(tmp_path / "status.json")
    file.write(RecordStatus(reason="x"))
    size = file._path.stat().st_size
    file.write(RecordStatus(reason='"' * 10_000))
    assert file._path.stat().st_size == size
    assert file.read().reason == '"' * 300


@pytest.mark.parametrize("content", ["", "[]", "{", '"x"', "\xff", '{"lost": '])
def test_unreadable(tmp_path, content):
    """Nothing is known then."""
    (tmp_path / "status.json").write_text(content, "utf-8")
    assert RecordStatusFile(tmp_path / "status.json").read() is None
    assert RecordStatusFile(tmp_path / "absent.json").read() is None


def test_values_of_another_type(tmp_path):
    """They are left out, and so are fields of a later version."""
    (tmp_path / "status.json").write_text('{"lost": "many", "failing": 1, "waiting": 4, "new": 5}')
    assert RecordStatusFile(tmp_path / "status.json").read() == RecordStatus(waiting=4)
