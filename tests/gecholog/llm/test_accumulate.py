"""Values that arrive in pieces."""

from hypothesis import given
from hypothesis import strategies as st

from gecholog.llm.accumulate import GrowingObject, finalize, grow, joined, replace_fields
from tests.gecholog.llm.samples import CALM

NAMES = st.sampled_from(["id", "role", "content", "a", "index", "type", "text"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


def grown(*pieces):
    target = GrowingObject()
    for piece in pieces:
        grow(target, piece)
    return finalize(target)


@CALM
@given(st.lists(st.text(), min_size=1))
def test_texts_are_joined(pieces):
    """However a text is cut, it is the text."""
    assert grown(*[{"a": piece} for piece in pieces]) == {"a": "".join(pieces)}


@CALM
@given(st.dictionaries(NAMES, VALUES))
def test_one_piece_is_itself(piece):
    """What comes in one piece is not changed."""
    assert grown(piece) == piece


@CALM
@given(st.lists(st.dictionaries(NAMES, VALUES), max_size=6))
def test_any_pieces(pieces):
    """Pieces that do not fit each other raise nothing and leave plain values."""
    assert plain(grown(*pieces))


def plain(value):
    if isinstance(value, dict):
        return type(value) is dict and all(map(plain, value.values()))
    if isinstance(value, list):
        return type(value) is list and all(map(plain, value))
    return type(value) in (str, int, float, bool, type(None))


@CALM
@given(st.text(st.characters(exclude_categories=[])), st.integers(min_value=0))
def test_any_characters(text, cut):
    """A joined text can always be written, also where surrogates stand alone."""
    whole = joined([text[:cut], text[cut:]])
    whole.encode()
    if not any("\ud800" <= character <= "\udfff" for character in text):
        assert whole == text


def test_labels_are_not_joined():
    """The first value of a label that is not empty stays."""
    assert grown({"id": "", "role": None}, {"id": "x", "role": "a"}, {"id": "y", "role": "a"}) == {
        "id": "x",
        "role": "a",
    }


def test_items_by_index():
    """Items with the same index are pieces of one, others follow each other."""
    assert grown(
        {"a": [{"index": 1, "text": "x"}]},
        {"a": [{"index": 0, "text": "y"}, {"index": 1, "text": "z"}]},
        {"a": [{"text": "w"}, 5]},
    ) == {"a": [{"index": 1, "text": "xz"}, {"index": 0, "text": "y"}, {"text": "w"}, 5]}


def test_newest():
    """The last value counts unless it is empty; 0 and false are values."""
    target = {"a": "x", "b": 1, "c": True, "d": [1]}
    replace_fields(target, {"a": "", "b": 0, "c": False, "d": [], "e": None})
    assert target == {"a": "x", "b": 0, "c": False, "d": [1], "e": None}
