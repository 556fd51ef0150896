"""The parts of which decisions are made."""

from services.ginit.decision.actions import PutInForce, WriteChecksum
from services.ginit.decision.state import Phase, RefusedConfig
from services.ginit.decision.transition import checksum_of, log, put_last_good, roll_back, to_phase
from tests.services.ginit.decision.samples import NOW, service


def test_phase_starts_afresh():
    """Without the timer, the reason and the lateness of the phase before."""
    before = service(Phase.STARTING, timer_at=101.0, reason="slow", is_late=True)
    changed = to_phase(before, NOW, Phase.IDLE)
    assert (changed.phase, changed.since) == (Phase.IDLE, NOW.time)
    assert (changed.timer_at, changed.reason, changed.is_late) == (None, "", False)


def test_phase_with_other_values():
    changed = to_phase(service(), NOW, Phase.PAUSING, reason="exit code 1", timer_at=101.0, since=7.0)
    assert (changed.reason, changed.timer_at, changed.since) == ("exit code 1", 101.0, 7.0)


def test_same_phase_goes_on():
    """It began when it began."""
    assert to_phase(service(since=90.0), NOW, Phase.HEALTHY).since == 90.0


def test_silence_belongs_to_a_process_that_serves():
    """It lives on through a reload; a process that is to end, or a new one, is not blamed for it."""
    silent = service(unresponsive_s=20.0, killed_at_s=15.0)
    kept = to_phase(silent, NOW, Phase.RELOADING)
    assert (kept.unresponsive_s, kept.killed_at_s) == (20.0, 15.0)
    for phase in (Phase.STOPPING, Phase.STARTING):
        fresh = to_phase(silent, NOW, phase)
        assert (fresh.unresponsive_s, fresh.killed_at_s) == (0.0, 0.0)


def test_roll_back():
    changed = roll_back(service(content="new", in_force="new"), "exit code 3")
    assert changed.in_force == "old"
    assert changed.refused == RefusedConfig("new", "the service did not become healthy with it: exit code 3")
    assert put_last_good(changed) == PutInForce("one", "old")


def test_checksum_is_written_by_one_of_both():
    assert checksum_of(service(in_force="new")) == (WriteChecksum("one", "new"),)
    assert checksum_of(service(writes_checksum=True)) == ()


def test_log_lines_name_the_service():
    line = log(service(), "WARN", "something", seconds=3)
    assert (line.level, line.message, line.fields) == ("WARN", "something", {"child": "one", "seconds": 3})
