"""The cache of ratings."""

from hypothesis import given
from hypothesis import strategies as st

from services.gl.models.ratings import Ratings

texts = st.text(st.characters(exclude_categories=()))


@given(texts, texts, st.integers())
def test_put_and_get(scale, text, rating):
    """A rating is that of one scale and one text, which may be any text of a client."""
    ratings = Ratings()
    assert ratings.get(scale, text) is None
    ratings.put(scale, text, rating)
    assert ratings.get(scale, text) == rating
    assert ratings.get(scale, text + "x") is None
    assert ratings.get(scale + "x", text) is None


def test_limited_size():
    """Ratings that were not read for the longest time go first."""
    ratings = Ratings()
    for number in range(2048):
        ratings.put("m", str(number), number)
    assert ratings.get("m", "0") == 0
    ratings.put("m", "new", 1)
    assert (ratings.get("m", "0"), ratings.get("m", "1"), ratings.get("m", "2")) == (0, None, 2)
