"""The texts that the dummy generates."""

from hypothesis import given
from hypothesis import strategies as st

from services.dummy.generation import TextLimits, generate
from services.dummy.tokens import count

wishes = st.builds(
    TextLimits,
    most=st.none() | st.integers(1, 30),
    stops=st.lists(st.text(min_size=1, max_size=3), max_size=3).map(tuple),
    chunks=st.integers(0, 30),
)


def test_the_words_come_back():
    """The prompt comes back, with one token in each piece."""
    written = generate("Hello there! ", TextLimits())
    assert written.text == "You said: Hello there!"
    assert written.pieces == ("You", " said", ":", " Hello", " there", "!")
    assert (written.tokens, written.finish_reason) == (6, "stop")


def test_nothing_said():
    """Without words in the prompt there is a text too."""
    assert generate(" \n", TextLimits()).text == "You said nothing."


def test_at_most():
    """A text that is too long is cut, and the finish reason shows it."""
    written = generate("Hello there!", TextLimits(most=4))
    assert (written.text, written.tokens, written.finish_reason) == ("You said: Hello", 4, "length")


def test_just_enough():
    """A text that just fits is not cut."""
    assert generate("Hello there!", TextLimits(most=6)).finish_reason == "stop"


def test_stops():
    """The text ends before the first stop sequence, even within a word."""
    written = generate("Hello there!", TextLimits(stops=("there", "ell")))
    assert (written.text, written.tokens, written.finish_reason) == ("You said: H", 4, "stop")


def test_stop_at_once():
    """A stop sequence at the beginning leaves an empty text."""
    written = generate("Hello", TextLimits(stops=("You",)))
    assert (written.text, written.pieces, written.tokens) == ("", (), 0)


def test_fewer_chunks_than_tokens():
    """The tokens are spread over the chunks."""
    assert generate("Hello there!", TextLimits(chunks=4)).pieces == ("You", " said:", " Hello", " there!")


def test_more_chunks_than_tokens():
    """The text is repeated until there is a token for each chunk."""
    assert generate("Hi", TextLimits(chunks=6)).pieces == ("You", " said", ":", " Hi", " You", " said")


@given(st.text(), wishes)
def test_any_wish(prompt, limits):
    """Pieces and text agree, the count is right, and limits hold."""
    written = generate(prompt, limits)
    assert "".join(written.pieces) == written.text
    assert written.tokens == count(written.text)
    assert all(written.pieces)
    assert limits.most is None or written.tokens <= limits.most
    assert not any(stop in written.text for stop in limits.stops)
    if limits.most is None and not limits.stops and limits.chunks:
        assert len(written.pieces) == limits.chunks
