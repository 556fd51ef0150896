"""The texts that the dummy writes."""

from hypothesis import given
from hypothesis import strategies as st

from services.dummy.tokens import count
from services.dummy.writing import Wanted, write

wishes = st.builds(
    Wanted,
    most=st.none() | st.integers(1, 30),
    stops=st.lists(st.text(min_size=1, max_size=3), max_size=3).map(tuple),
    chunks=st.integers(0, 30),
)


def test_the_words_come_back():
    """What is said comes back, one token a piece."""
    written = write("Hello there! ", Wanted())
    assert written.text == "You said: Hello there!"
    assert written.pieces == ("You", " said", ":", " Hello", " there", "!")
    assert (written.tokens, written.finish_reason) == (6, "stop")


def test_nothing_said():
    """Without words there is an answer all the same."""
    assert write(" \n", Wanted()).text == "You said nothing."


def test_at_most():
    """A text that is too long is cut, and says so."""
    written = write("Hello there!", Wanted(most=4))
    assert (written.text, written.tokens, written.finish_reason) == ("You said: Hello", 4, "length")


def test_just_enough():
    """A text that just fits is not cut."""
    assert write("Hello there!", Wanted(most=6)).finish_reason == "stop"


def test_stops():
    """The text ends before the first of the stops, even in the middle of a word."""
    written = write("Hello there!", Wanted(stops=("there", "ell")))
    assert (written.text, written.tokens, written.finish_reason) == ("You said: H", 4, "stop")


def test_stop_at_once():
    """A stop at the beginning leaves nothing."""
    written = write("Hello", Wanted(stops=("You",)))
    assert (written.text, written.pieces, written.tokens) == ("", (), 0)


def test_fewer_chunks_than_tokens():
    """The tokens are spread over the chunks."""
    assert write("Hello there!", Wanted(chunks=4)).pieces == ("You", " said:", " Hello", " there!")


def test_more_chunks_than_tokens():
    """The text is said again until there is a token for each chunk."""
    assert write("Hi", Wanted(chunks=6)).pieces == ("You", " said", ":", " Hi", " You", " said")


@given(st.text(), wishes)
def test_any_wish(prompt, wish):
    """Pieces and text agree, the count is honest, limits hold."""
    written = write(prompt, wish)
    assert "".join(written.pieces) == written.text
    assert written.tokens == count(written.text)
    assert all(written.pieces)
    assert wish.most is None or written.tokens <= wish.most
    assert not any(stop in written.text for stop in wish.stops)
    if wish.most is None and not wish.stops and wish.chunks:
        assert len(written.pieces) == wish.chunks
