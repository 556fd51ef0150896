"""What is said of answers that are not counted."""

from processors.tokencounter.uncounted import Uncounted

MINUTE = 60_000


def test_once_a_minute():
    """The first is said at once, then one a minute with the number of those since, for each field of a router."""
    said = []
    uncounted = Uncounted(lambda *one: said.append(one))
    for moment in (0, 1, MINUTE - 1, MINUTE, MINUTE + 1):
        uncounted.saw("/a/", "n", f"T_{moment}", moment)
    assert said == [("/a/", "n", "T_0", 1), ("/a/", "n", f"T_{MINUTE}", 3)]
    uncounted.saw("/a/", "m", "", 2)
    uncounted.saw("/b/", "n", "", 2)
    assert said[2:] == [("/a/", "m", "", 1), ("/b/", "n", "", 1)]


def test_a_clock_that_is_set_back():
    """It does not keep anybody silent for long."""
    said = []
    uncounted = Uncounted(lambda *one: said.append(one))
    uncounted.saw("/a/", "n", "", 10 * MINUTE)
    uncounted.saw("/a/", "n", "", MINUTE)
    assert len(said) == 2
