"""Query strings: what nobody overwrites is forwarded byte for byte."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.headers import MASK
from services.gl.routing import query

# what may stand in a request target behind the `?`
raw_queries = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"), max_size=40)
names = st.text("abc", min_size=1, max_size=2)
values = st.lists(st.text(max_size=5), min_size=1, max_size=3)
maps = st.dictionaries(st.text(max_size=3), values, max_size=4)
# a raw text with pieces that are likely to clash with those of a layer
clashing = st.lists(st.tuples(names, st.text("xy%20+;=", max_size=4)), max_size=6).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)
)


@given(raw_queries)
def test_nothing_is_added_nothing_changes(raw):
    """Without layers the text is forwarded unchanged, whatever it contains."""
    merged = query.merge(raw, query.parse(raw), (), ())
    assert merged.raw == raw
    assert merged.overwritten == {}
    assert merged.parameters == query.parameters(query.parse(raw))


@given(clashing, clashing, clashing)
def test_what_is_not_overwritten_goes_on_byte_for_byte(raw, first, second):
    """Pieces whose name no layer has keep their bytes and their order, and the layers' own follow."""
    layers = (query.parse(first), query.parse(second))
    merged = query.merge(raw, query.parse(raw), *layers)
    taken = {pair.name for layer in layers for pair in layer}
    kept = [pair.raw for pair in query.parse(raw) if pair.name not in taken]
    pieces = [piece for piece in merged.raw.split("&") if piece]
    assert pieces[: len(kept)] == kept
    last = {pair.name for pair in layers[1]}
    assert pieces[len(kept) :] == [pair.raw for pair in layers[0] if pair.name not in last] + [
        pair.raw for pair in layers[1]
    ]
    assert merged.parameters == query.parameters(query.parse(merged.raw))


@given(clashing, clashing)
def test_overwritten_names_the_values_that_won(raw, layer):
    """`overwritten` has exactly the parameters that both sides have, with the router's values."""
    given_pairs, over = query.parse(raw), query.parse(layer)
    merged = query.merge(raw, given_pairs, over)
    both = {pair.name for pair in given_pairs} & {pair.name for pair in over}
    assert merged.overwritten == {name: many for name, many in query.parameters(over).items() if name in both}


@given(raw_queries)
def test_parse_reads_as_the_standard_library_does(raw):
    """Names and values are those of an HTML form (`+` is a blank)."""
    assert [(pair.name, pair.value) for pair in query.parse(raw)] == parse_qsl(raw, keep_blank_values=True)


@given(maps)
def test_encoded_round_trip(parameters):
    """Parameters that a processor wrote come out of their own text again."""
    pairs = query.encoded(parameters)
    text = "&".join(pair.raw for pair in pairs)
    assert query.parameters(query.parse(text)) == query.parameters(pairs)
    assert query.parameters(pairs) == parameters
    assert text.isascii()
    assert not set(text) & set(' #\r\n"')


@given(maps)
def test_list_round_trip(parameters):
    """The list that processors see is read back as the same parameters."""
    assert query.from_list(query.as_list(parameters)) == parameters


@pytest.mark.parametrize(
    "value",
    [
        {},
        "a=b",
        3,
        [1],
        [{"name": "a"}],
        [{"details": ["x"]}],
        [{"name": 1, "details": []}],
        [{"name": "a", "details": "x"}],
        [{"name": "a", "details": [1]}],
        [["a", "b"]],
    ],
)
def test_from_list_refuses_other_forms(value):
    """What is not a list of names and lists of texts is refused."""
    with pytest.raises(ValueError, match="must be a list"):
        query.from_list(value)


def test_discarded():
    """Parameters that a processor left out are named with their values."""
    assert query.discarded({"a": ["1"], "b": ["2", "3"]}, {"a": ["9"]}) == {"b": ["2", "3"]}


def test_later_layer_wins():
    """The endpoint's parameter wins over the url's, and both over the client's."""
    merged = query.merge("k=c&x=1", query.parse("k=c&x=1"), query.parse("k=url"), query.parse("k=endpoint"))
    assert merged.raw == "x=1&k=endpoint"
    assert merged.parameters == {"x": ["1"], "k": ["endpoint"]}


@given(raw=raw_queries | clashing, hidden=st.frozensets(names, max_size=3))
def test_masked(raw, hidden):
    """Of masked parameters the values are masked and nothing else; without names all stays as it is."""
    merged = query.merge(raw, query.parse(raw))
    masked = query.masked(merged, hidden)
    pairs, shown = query.parse(raw), query.parse(masked.raw)
    assert [pair.name for pair in shown] == [pair.name for pair in pairs]
    for pair, seen in zip(pairs, shown, strict=True):
        assert seen.value == (MASK if pair.name in hidden else pair.value)
        assert pair.name in hidden or seen.raw == pair.raw
    assert masked.parameters.keys() == merged.parameters.keys()
    if not hidden:
        assert masked is merged
