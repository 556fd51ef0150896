"""The page about translation tells what the code does."""

from tools.translation import PAGE, REQUESTS, tables, with_tables


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text()
    assert with_tables(page) == page, "make translation"


def test_each_client_has_a_table_with_a_row_for_each_field() -> None:
    written = tables()
    for base, probes in REQUESTS.values():
        assert base
        assert all(f"| `{probe.field}` |" in written for probe in probes)
