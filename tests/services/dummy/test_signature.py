"""Signatures of thoughts."""

from hypothesis import given
from hypothesis import strategies as st

from services.dummy.signature import is_sealed, is_valid, seal, sign

texts = st.text(st.characters(exclude_categories=()))


@given(texts, texts)
def test_only_of_the_same_text(one, other):
    """A signature is valid for its text and its kind, and for no other."""
    assert is_valid(sign("a", one), "a", one)
    assert is_valid(sign("a", one), "a", other) == (one == other)
    assert not is_valid(sign("a", one), "b", one)


@given(texts)
def test_alphabets(text):
    """Clients may write base64 in either alphabet, and without padding."""
    changed = sign("a", text).replace("+", "-").replace("/", "_").rstrip("=")
    assert is_valid(changed, "a", text)


@given(texts, texts)
def test_anything_else(given_text, text):
    """Anything else is no signature."""
    assert is_valid(given_text, "a", text) == (given_text == sign("a", text))
    assert is_sealed("a", seal("a", text))
    assert not is_sealed("a", given_text)
