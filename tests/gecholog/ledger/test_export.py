"""Lines of CSV."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.ledger.export import csv_line


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\N{FULLWIDTH EQUALS SIGN}1", "\n=1"]
)
def test_no_cell_is_a_formula(text):
    (row,) = csv.reader(io.StringIO(csv_line([text, 1]), newline=""))
    assert row == [f"'{text}", "1"]


@given(
    st.lists(
        st.one_of(st.text(), st.integers(), st.none(), st.lists(st.text("ab", min_size=1), min_size=1)), min_size=1
    )
)
def test_lines_can_be_read_again(values):
    (row,) = csv.reader(io.StringIO(csv_line(values), newline=""))
    assert len(row) == len(values)
    assert not any(cell.lstrip(" ")[:1] in {"=", "+", "@"} for cell in row)


def test_negative_numbers_are_numbers():
    assert csv_line([-1, -2.5]) == "-1,-2.5\n"
