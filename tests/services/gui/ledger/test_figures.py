"""The parts of pages that are made of answers."""

from gecholog.ledger.answers import Day, Group, Point, Totals
from gecholog.ledger.filters import CallFilter, TimeRange
from services.gui.ledger.figures import overview_figures
from services.gui.ledger.group_row import rows_of
from services.gui.ledger.overview_answer import Line, OverviewAnswer, Percentiles, chart_of
from services.gui.ledger.span import span_of
from services.gui.ledger.usage_answer import By, Measure, UsageAnswer, every_day
from services.gui.ledger.usage_table import csv, slices

HOUR = 3_600_000_000


def test_figures_compare_with_the_time_before():
    now, before = Totals(calls=200, errors=10, cost_pico=10**12), Totals(calls=100, errors=10, cost_pico=2 * 10**12)
    answer = OverviewAnswer(now, before, Percentiles(2000, 9000), Percentiles(1000, 9000), (), (), ())
    found = {one.title: one for one in overview_figures(answer)}
    assert found["Calls"].change.startswith("+100")
    assert (found["Cost"].mood, found["Errors"].mood, found["Median"].mood) == ("good", "good", "bad")
    assert found["Errors"].note == "10 of 200"
    empty = OverviewAnswer(Totals(), Totals(), Percentiles(), Percentiles(), (), (), ())
    assert {one.change for one in overview_figures(empty)} == {""}


def test_calls_without_a_price_are_said_beside_the_cost():
    answer = OverviewAnswer(Totals(calls=3, unpriced=2), Totals(), Percentiles(), Percentiles(), (), (), ())
    assert next(one for one in overview_figures(answer) if one.title == "Cost").note == "and 2 calls without a price"


def test_steps_without_calls_are_in_the_chart():
    asked = CallFilter(TimeRange(HOUR, 4 * HOUR))
    points = [
        Point(HOUR, "a", Totals(calls=1)),
        Point(3 * HOUR, "b", Totals(calls=5)),
        Point(3 * HOUR, "", Totals(calls=2), is_rest=True),
        Point(2 * HOUR, "", Totals(calls=3)),
    ]
    found = chart_of(points, asked, 3600)
    assert found.times == (3600, 7200, 10_800)
    assert found.lines == (
        Line("b", (0, 0, 5)),
        Line("no model", (0, 3, 0)),
        Line("a", (1, 0, 0)),
        Line("others", (0, 0, 2)),
    )


def test_rows_select_their_calls():
    groups = [Group("k1", Totals(calls=3), "ci"), Group("", Totals(calls=1)), Group("", Totals(calls=4), is_rest=True)]
    rows = rows_of(groups, "without a key")
    assert [(row.name, row.note, row.value) for row in rows] == [
        ("ci", "k1", "k1"),
        ("without a key", "", "(none)"),
        ("others", "", ""),
    ]
    assert [row.part for row in rows] == [3, 1, 4]
    assert {row.whole for row in rows} == {8}


def test_days_without_calls_are_rows():
    span = span_of({"from": "2026-10-24", "to": "2026-10-26", "zone": "Europe/Stockholm"}, 0, "7d", "UTC")
    days = every_day([Day("2026-10-25", "", 3, 5, 7, 0)], span)
    assert [(day.date, day.calls) for day in days] == [("2026-10-24", 0), ("2026-10-25", 3), ("2026-10-26", 0)]


def test_slices_beyond_the_colours_are_one():
    groups = tuple(Group(f"m{number}", Totals(calls=20 - number, cost_pico=20 - number)) for number in range(12))
    answer = UsageAnswer(Totals(), Totals(), (), groups, ())
    found = slices(answer, By.MODEL, Measure.COST)
    assert [one.label for one in found] == ["m0", "m1", "m2", "m3", "m4", "m5", "m6", "others"]


def test_csv_has_exact_costs_and_no_formulas():
    groups = (Group("=cmd()", Totals(calls=1, cost_pico=1)), Group("", Totals(cost_pico=10**12), is_rest=True))
    lines = list(csv(UsageAnswer(Totals(), Totals(), (), groups, ()), By.MODEL))
    cells = [line.strip().split(",") for line in lines]
    assert (cells[1][0], cells[1][-1]) == ("'=cmd()", "0.000000000001")
    assert (cells[2][0], cells[2][-1]) == ("(others)", "1")
