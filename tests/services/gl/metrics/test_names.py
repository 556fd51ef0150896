"""The names of metrics, and the page that lists them."""

from gecholog.metrics import process
from gecholog.metrics.family import Family, Kind
from services.gl.metrics import names
from tests.support.pages import ROOT

PAGE = (ROOT / "docs" / "observability.md").read_text("utf-8")
TABLES = (names.SERVICE_COUNTERS, names.SINK_COUNTERS, names.SINK_GAUGES)
SINGLE = [value for module in (names, process) for value in vars(module).values() if isinstance(value, Family)]
FAMILIES = list(dict.fromkeys([*SINGLE, *(family for table in TABLES for family in table.values())]))


def test_page():
    """The page has each metric with its labels, and no other."""
    rows = [
        line for line in PAGE.splitlines() if line.startswith(("| `gecholog_", "| `llm_", "| `http_", "| `process_"))
    ]
    for family in FAMILIES:
        (row,) = [line for line in rows if f"`{family.name}`" in line.split("|")[1]]
        assert [label.strip("` ") for label in row.split("|")[2].split(",") if label.strip()] == list(family.labels)
    shown = {word.strip("` ") for line in rows for word in line.split("|")[1].split(",")}
    assert shown == {family.name for family in FAMILIES}


def test_forms():
    """Counters end in `_total`, times are in seconds, and each family has a help text."""
    for family in FAMILIES:
        assert family.help
        assert family.name.endswith("_total") == (family.kind is Kind.COUNTER)
        assert (family.kind is Kind.HISTOGRAM) == bool(family.bounds)
