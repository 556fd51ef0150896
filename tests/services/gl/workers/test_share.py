"""The share of a worker."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.gl.workers.share import Share
from services.gl.workers.worker_config import WorkerConfig
from tests.services.gl.rig.gateway import router
from tests.services.gl.rig.stage import built


@given(st.integers(0, 10**12), st.integers(1, 64))
def test_shares_add_up(total, count):
    """All shares together are the whole, unless there is less than one for each; none is 0, which is no limit."""
    shares = [Share(index, count).of(total) for index in range(count)]
    assert sum(shares) == (max(total, count) if total else 0)
    assert max(shares) - min(shares) <= 1
    assert all(shares) == bool(total)
    assert shares == sorted(shares, reverse=True)


def test_config_of_a_worker():
    """Limits of the whole gateway are divided; limits of a call or a record stay."""
    config = built([router("/a/", "http://127.0.0.1:1")])
    config = replace(config, limits=replace(config.limits, connections=5, inflight_body=7), journal_max_bytes=9)
    first, second = (Share(index, 2).of_config(config) for index in range(2))
    assert (first.limits.connections, second.limits.connections) == (3, 2)
    assert (first.limits.inflight_body, second.limits.inflight_body) == (4, 3)
    assert (first.journal_max_bytes, second.journal_max_bytes) == (5, 4)
    assert first.limits.request_body == config.limits.request_body


def test_worker_config(tmp_path):
    """A config arrives as it was sent."""
    source = built([router("/a/", "http://127.0.0.1:1")]).source
    for folder in (None, tmp_path):
        config = WorkerConfig(replace(source, data=b'{"\xc3\xa9": 1}', name="a", folder=folder), Share(1, 3))
        assert WorkerConfig.of_json(config.to_json()) == config
