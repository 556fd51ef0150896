"""The status file of circuit breakers."""

import json
from datetime import UTC, datetime

import pytest

from gecholog.breakerstatus import BreakerStatusFile, OpenBreaker

ONE = OpenBreaker("openai/gpt-4o", "2026-01-01T00:00:00.000000000Z", "2026-01-01T00:00:30.000000000Z", "status 503")


def test_written_and_read(tmp_path):
    """The file is replaced as a whole, and missing once the gateway has stopped."""
    file = BreakerStatusFile.of("gl", tmp_path)
    assert file.read() == []
    file.write([ONE, ONE])
    assert file.read() == [ONE, ONE]
    file.write([ONE])
    assert file.read() == [ONE]
    file.remove()
    file.remove()
    assert file.read() == []


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "3", '{"breakers": 3}', '{"breakers": [3, null, {"target": 3}, {"target": "/a/"}]}']
)
def test_garbage(tmp_path, text):
    """What cannot be read is not there."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "breakers-gl.json").write_text(text)
    assert BreakerStatusFile.of("gl", tmp_path).read() == []


def test_short(tmp_path):
    """The file stays small, however many targets there are."""
    file = BreakerStatusFile.of("gl", tmp_path)
    file.write(ONE for _ in range(5000))
    assert len(file.read()) == 1000
    assert len(json.dumps(ONE.report())) < 300


@pytest.mark.parametrize(("second", "state"), [(29, "open"), (30, "half_open"), (59, "half_open")])
def test_state(second, state):
    """Half-open from `until` on."""
    assert ONE.state(datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC)) == state
    assert OpenBreaker("/a/", "", "never", "").state(datetime.now(UTC)) == "open"
