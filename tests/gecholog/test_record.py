"""The named fields of one call: what a processor sees and what it may write."""

from hypothesis import given
from hypothesis import strategies as st

from gecholog.record import added, replaced, select

NAMES = st.sampled_from(["a", "b", "c", "d"])
FIELDS = st.dictionaries(NAMES, st.integers())
SOME = st.lists(NAMES, unique=True)


@given(FIELDS, SOME, SOME)
def test_select(fields, include, exclude):
    """A field is seen if it is included (or nothing is), and not excluded; values stay, the original too."""
    before = dict(fields)
    seen = select(fields, include, exclude)
    assert set(seen) == {name for name in fields if (name in include or not include) and name not in exclude}
    assert all(fields[name] == value for name, value in seen.items())
    seen["new"] = 1
    assert fields == before


@given(FIELDS, FIELDS, SOME)
def test_modifiers_and_annotators(fields, answer, allowed):
    """A modifier changes what is there, an annotator adds what is not, both only what they may."""
    changes, additions = replaced(fields, answer, allowed), added(fields, answer, allowed)
    assert changes | additions == {name: value for name, value in answer.items() if name in allowed}
    assert set(changes) <= set(fields)
    assert not set(additions) & set(fields)
