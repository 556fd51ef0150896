"""The program that writes the table of prices."""

from datetime import date

from gecholog.llm.price_table import shipped, table_of
from tools.prices import table, written


def test_the_shipped_table_is_what_the_program_writes():
    """From the locked package, so that nobody has edited it; and what is written can be read."""
    found = shipped()
    value, unpriced = table(date.fromisoformat(found.version))
    again = table_of(written(value))
    assert again.version == found.version
    assert again.prices == found.prices
    assert sum(unpriced.values()) < len(found.prices) / 4
