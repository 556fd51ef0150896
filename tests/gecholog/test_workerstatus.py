"""The status file of the workers of a gateway."""

import pytest

from gecholog.workerstatus import WorkerStatus, WorkerStatusFile


def test_written_and_read(tmp_path):
    """The file is replaced as a whole, and missing once the gateway has stopped."""
    file = WorkerStatusFile.of("gl", tmp_path)
    assert file.read() is None
    for status in (WorkerStatus(2, 1, 3, (4, 5)), WorkerStatus(2, 0, 4)):
        file.write(status)
        assert file.read() == status
    file.remove()
    file.remove()
    assert file.read() is None


@pytest.mark.parametrize("text", ["", "[]", "{", '{"workers": "2", "serving": 1, "restarts": 0, "pids": []}'])
def test_garbage(tmp_path, text):
    """What cannot be read is not there."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "workers-gl.json").write_text(text)
    assert WorkerStatusFile.of("gl", tmp_path).read() is None
