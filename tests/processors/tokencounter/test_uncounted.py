"""What is said of answers that are not counted."""

from processors.tokencounter.uncounted import Uncounted


def test_once_a_minute():
    """The first is said at once, then one a minute with the number of those since, for each field of a router."""
    said = []
    moments = iter((0, 0.001, 59.999, 60, 60.001, 60.001, 60.001))
    uncounted = Uncounted(lambda *one: said.append(one), lambda: next(moments))
    for number in range(5):
        uncounted.saw("/a/", "n", f"T_{number}")
    assert said == [("/a/", "n", "T_0", 1), ("/a/", "n", "T_3", 3)]
    uncounted.saw("/a/", "m", "")
    uncounted.saw("/b/", "n", "")
    assert said[2:] == [("/a/", "m", "", 1), ("/b/", "n", "", 1)]
