"""Log messages about responses without usage."""

from processors.tokencounter.missing_usage import MissingUsage


def test_once_a_minute():
    """The first is logged at once, then one per minute with the number of those since, for each field of a router."""
    said = []
    moments = iter((0, 0.001, 59.999, 60, 60.001, 60.001, 60.001))
    missing_usage = MissingUsage(lambda *one: said.append(one), lambda: next(moments))
    for number in range(5):
        missing_usage.record("/a/", "n", f"T_{number}")
    assert said == [("/a/", "n", "T_0", 1), ("/a/", "n", "T_3", 3)]
    missing_usage.record("/a/", "m", "")
    missing_usage.record("/b/", "n", "")
    assert said[2:] == [("/a/", "m", "", 1), ("/b/", "n", "", 1)]
