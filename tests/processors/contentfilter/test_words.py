"""The words of a text, obfuscated or not."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from processors.contentfilter.words import words


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Lizard", "lizard"),
        ("LIZARD!!!", "lizard"),
        ("l1z4rd", "lizard"),
        ("liz@rd", "lizard"),
        ("l!z|ard", "liziard"),
        ("lizzzzard", "lizard"),
        ("lizzzzard", "lizzard"),
        ("lízàrd", "lizard"),
        ("\uff4c\uff49\uff5a\uff41\uff52\uff44", "lizard"),
        ("liz\u200bard", "lizard"),
        ("li*zard", "lizard"),
        ("l i z a r d", "lizard"),
        ("a l.i.z.a.r.d", "alizard"),
        ("_lizard_", "lizard"),
    ],
)
def test_known_again(text, word):
    """A word is recognized despite capitals, accents, digits, repeated letters and gaps."""
    assert any(word in forms for forms in words(text))


@pytest.mark.parametrize("text", ["lizards", "blizzard", "liz ard", "1234", "", "!!! ***"])
def test_not_taken_for_another(text):
    """A part of a word is not the word."""
    assert not any("lizard" in forms for forms in words(text))


@given(st.text())
def test_any_text(text):
    """Any text is accepted, and there are never many more words than characters."""
    assert len(words(text)) <= 4 * len(text)


@example(["bbb", "ccc", "ddd"])
@given(st.lists(st.text(alphabet="bcdfg", min_size=2, max_size=8), max_size=8))
def test_plain_words(plain):
    """Plain words come out in order, each with its forms."""
    found = words(" ".join(plain))
    assert len(found) == len(plain)
    assert all(word in forms for word, forms in zip(plain, found, strict=True))
