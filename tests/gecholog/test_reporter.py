"""Paths as people read them."""

from gecholog.environment import fill
from gecholog.reporter import Reporter, dotted


def test_dotted():
    """Names are divided by dots, indices stand in brackets; the file as a whole has no path."""
    assert dotted(("routers", 2, "outbound", "url")) == "routers[2].outbound.url"
    assert dotted((0, "a")) == "[0].a"
    assert dotted(()) == ""


def test_values_from_the_environment_are_not_shown():
    """Whatever the text of a rule quotes; the longest value first, also escaped and in other letters."""
    filled = fill('{"a": "${LONG}", "b": "${KEY}", "c": "${X}"}', {"LONG": 'Secret"2', "KEY": "Secret", "X": "a"})
    report = Reporter(filled)
    rule = 'a is like Secret"2, Secret\\"2, secret'
    assert report.problem(("c",), rule, "Secret goes").rule.startswith("a is like ${LONG}, ${LONG}, ${KEY} (")
    assert report.problem((), rule, "Secret goes").consequence == "${KEY} goes"
    assert "Secret" not in repr(filled.references)


def test_a_long_rule_is_cut_after_values_are_hidden():
    report = Reporter(fill('["${KEY}"]', {"KEY": "secret" * 9}))
    rule = report.problem((), "x" * 990 + "secret" * 9).rule
    assert rule == "x" * 990 + "${KEY}"
    assert report.problem((), "x" * 998 + "secret" * 9).rule == "x" * 998 + "${…"
