"""How many workers a config means."""

import os

import pytest

from services.gl.config.cores import quota_of, usable_cores, workers


def test_configured():
    """A number is a number; auto is at least one, and not more than there are cores."""
    assert workers(7) == 7
    assert 1 <= workers("auto") <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("text", "quota"), [("max 100000", None), ("150000 100000", 1.5), ("50000 100000", 0.5), ("x", None), ("1 0", None)]
)
def test_quota_version_2(tmp_path, text, quota):
    """`cpu.max` has quota and period."""
    (tmp_path / "cpu.max").write_text(text)
    assert quota_of(tmp_path) == quota


@pytest.mark.parametrize(("text", "quota"), [("-1", None), ("200000", 2.0)])
def test_quota_version_1(tmp_path, text, quota):
    """Version 1 has a file for each."""
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(text)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert quota_of(tmp_path) == quota


def test_a_container(tmp_path):
    """The quota of a container limits the number, a part of a core counts as one, and there is always one."""
    everything = usable_cores(tmp_path)
    assert quota_of(tmp_path) is None
    (tmp_path / "cpu.max").write_text("20000 100000")
    assert usable_cores(tmp_path) == 1
    (tmp_path / "cpu.max").write_text("150000 100000")
    assert usable_cores(tmp_path) == min(2, everything)
