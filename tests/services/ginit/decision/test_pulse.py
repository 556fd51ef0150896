"""When a process hangs, and when it or the machine is only slow."""

from hypothesis import given
from hypothesis import strategies as st

from services.ginit.decision.pulse import EVERY, Pulse, Sight


def silence(*sights):
    first, *others = sights
    pulse = Pulse(first)
    for sight in others:
        pulse = pulse.after(sight)
    return pulse.silence


def test_stopped_process():
    """It computes nothing and waits for nothing: all of the time counts."""
    assert silence(*(Sight(float(second), "same", 1.0, False) for second in range(11))) == 10


def test_loop_that_never_turns():
    """It computes on and on: the time that it has had counts, on a busy machine half of it, say."""
    assert silence(*(Sight(float(second), "same", second / 2, True) for second in range(11))) == 5


def test_starved_process():
    """It can run and is not let: that is the machine's fault, however long it takes."""
    assert silence(*(Sight(float(second), "same", 1.0, True) for second in range(1000))) == 0


def test_looks_that_come_late():
    """The one who looks was stopped, too: the whole machine was suspended, say."""
    assert silence(Sight(0.0, "same", 1.0, False), Sight(3600.0, "same", 1.0, False)) <= 2 * EVERY


def test_sign_of_life():
    """It ends the silence, whatever was before."""
    sights = [Sight(float(second), "same", 1.0, False) for second in range(100)]
    assert silence(*sights, Sight(100.0, "other", 1.0, False)) == 0


def test_process_that_is_not_known_to_give_any():
    """Nothing can be said of it."""
    assert silence(*(Sight(float(second), None, 1.0, False) for second in range(100))) == 0


@given(
    st.lists(
        st.tuples(st.floats(0.01, 100), st.sampled_from(["one", "two", None]), st.floats(0, 10), st.booleans()),
        min_size=1,
        max_size=50,
    )
)
def test_silence_is_bounded(looks):
    """It is never more than the time that passed, nor more than 1.5 seconds for each look, and never below 0."""
    now = computed = 0.0
    pulse = Pulse(Sight(now, "one", computed, False))
    for number, (passed, sign, more, is_held_up) in enumerate(looks, 1):
        now, computed = now + passed, computed + more
        pulse = pulse.after(Sight(now, sign, computed, is_held_up))
        assert 0 <= pulse.silence <= min(now, 1.5 * number) + 1e-6
