"""When a process hangs, and when it or the machine is only slow."""

from hypothesis import given
from hypothesis import strategies as st

from services.ginit.decision.liveness import SAMPLE_INTERVAL_S, Liveness, Sample, delayed_s


def unresponsive_s(*samples):
    first, *others = samples
    liveness = Liveness(first)
    for sample in others:
        liveness = liveness.after(sample)
    return liveness.unresponsive_s


def test_stopped_process():
    """It computes nothing and waits for nothing: all of the time counts."""
    assert unresponsive_s(*(Sample(float(second), "same", 1.0, False) for second in range(11))) == 10


def test_loop_that_never_turns():
    """It computes on and on: the time that it has had counts, on a busy machine half of it, say."""
    assert unresponsive_s(*(Sample(float(second), "same", second / 2, True) for second in range(11))) == 5


def test_delay_of_a_start():
    before = Sample(10.0, None, 1.0, True)
    assert delayed_s(before, Sample(12.0, None, 1.5, True)) == 1.5
    assert delayed_s(before, Sample(12.0, None, 1.5, False)) == 0, "it sleeps: nothing keeps it from running"
    assert delayed_s(before, Sample(11.0, None, 3.0, True)) == 0, "two of its threads ran"


def test_starved_process():
    """It can run and is not let: that is the machine's fault, however long it takes."""
    assert unresponsive_s(*(Sample(float(second), "same", 1.0, True) for second in range(1000))) == 0


def test_samples_that_come_late():
    """ginit was stopped as well, for example because the whole machine was suspended."""
    assert unresponsive_s(Sample(0.0, "same", 1.0, False), Sample(3600.0, "same", 1.0, False)) <= 2 * SAMPLE_INTERVAL_S


def test_heartbeat():
    """It ends the silence, whatever was before."""
    samples = [Sample(float(second), "same", 1.0, False) for second in range(100)]
    assert unresponsive_s(*samples, Sample(100.0, "other", 1.0, False)) == 0


def test_process_that_is_not_known_to_give_any():
    """Nothing can be said of it."""
    assert unresponsive_s(*(Sample(float(second), None, 1.0, False) for second in range(100))) == 0


@given(
    st.lists(
        st.tuples(st.floats(0.01, 100), st.sampled_from(["one", "two", None]), st.floats(0, 10), st.booleans()),
        min_size=1,
        max_size=50,
    )
)
def test_unresponsive_time_is_bounded(looks):
    """It is never more than the time that passed, nor more than 1.5 seconds for each look, and never below 0."""
    now = cpu_seconds = 0.0
    liveness = Liveness(Sample(now, "one", cpu_seconds, False))
    for number, (passed, heartbeat, more, waits_for_resources) in enumerate(looks, 1):
        now, cpu_seconds = now + passed, cpu_seconds + more
        liveness = liveness.after(Sample(now, heartbeat, cpu_seconds, waits_for_resources))
        assert 0 <= liveness.unresponsive_s <= min(now, 1.5 * number) + 1e-6
