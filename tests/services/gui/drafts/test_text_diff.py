"""The rows of a diff."""

from hypothesis import given
from hypothesis import strategies as st

from services.gui.drafts.text_diff import count, diff

LINES = st.lists(st.sampled_from("abc"), max_size=12)


@given(LINES, LINES)
def test_the_rows_turn_one_text_into_the_other(old, new):
    """Lines of both texts are numbered, and what is not shown is the same in both."""
    rows = diff("\n".join(old), "\n".join(new))
    for row in rows:
        if row.old is not None:
            assert old[row.old - 1] == row.text
        if row.new is not None:
            assert new[row.new - 1] == row.text
    added, removed = count(rows)
    assert added - removed == len("\n".join(new).splitlines()) - len("\n".join(old).splitlines())
    assert (not rows) == (old == new or "\n".join(old) == "\n".join(new))


def test_a_change_in_a_long_text():
    old = [str(number) for number in range(50)]
    rows = diff("\n".join(old), "\n".join([*old[:25], "x", *old[26:]]))
    assert [row.kind for row in rows] == ["gap", *["same"] * 3, "removed", "added", *["same"] * 3]


def test_line_breaks_only():
    assert [row.kind for row in diff("a\nb\n", "a\r\nb\r\n")] == ["gap"]
