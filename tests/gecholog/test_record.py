"""The named fields of one call: what a processor sees and what it may write."""

from hypothesis import given
from hypothesis import strategies as st

from gecholog.rawjson import Raw, dumps, split
from gecholog.record import added, payload_of, replaced, select, with_all_payloads, without_copies

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


PAYLOADS = st.dictionaries(
    st.sampled_from(["ingress_payload", "outbound_payload", "inbound_payload", "egress_payload", "gl_path"]),
    st.sampled_from([Raw(b'{"a": 1}'), Raw(b'{"a":1}'), Raw(b'""'), {"size": 1}, "text"]),
)


@given(PAYLOADS)
def test_payloads_that_are_listed(section):
    """Leaving out what is the same and putting it back changes nothing, also after the record was JSON."""
    short = without_copies(section)
    assert with_all_payloads(short) == section
    for name in section:
        assert payload_of(short, name) == section[name]
    published = split(dumps(short))
    assert split(dumps(with_all_payloads(published))) == split(dumps(section))
    assert len(short) <= len(section)


def test_what_is_listed_in_vain():
    """A list that names what is not a payload, or what is there, is a field like any other."""
    for listed in (["gl_path"], "egress_payload", Raw(b"{"), 7, ["egress_payload"]):
        section = {"gl_path": "/a/", "egress_payload": Raw(b"1"), "unchanged": listed}
        assert with_all_payloads(section) == section
        assert without_copies(section) == section
        assert payload_of(section, "egress_payload") == Raw(b"1")
    assert payload_of({"unchanged": ["egress_payload"]}, "egress_payload") is None
    assert payload_of({}, "egress_payload") is None
