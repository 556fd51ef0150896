"""Names that someone may have meant."""

from hypothesis import given
from hypothesis import strategies as st

from services.gl.models.close_names import MOST, close_to, did_you_mean


def test_the_likest_first():
    """A slip of the finger finds the name; letter case does not count."""
    known = ["gpt-4o", "gpt-4o-mini", "claude-sonnet", "o3"]
    assert close_to("gpt-4p", known)[0] == "gpt-4o"
    assert close_to("CLAUDE-sonet", known) == ("claude-sonnet",)
    assert did_you_mean("zzz", known) == ""
    assert did_you_mean("gpt4o", ["gpt-4o"]) == "; did you mean gpt-4o?"


@given(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=20))
def test_only_known_names_and_few(name, known):
    """At most five, each once, all of them known; a name that is known comes first."""
    found = close_to(name, known)
    assert len(found) <= MOST
    assert set(found) <= set(known)
    assert len(set(found)) == len(found)


def test_a_very_long_name_is_not_compared():
    """Comparing would take too long."""
    assert close_to("x" * 1_000_000, ["x"]) == ()
