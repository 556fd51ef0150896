"""Findings as people read them."""

from gecholog.finding import Finding, Severity
from services.gui.drafts.finding_groups import grouped, parted


def warning(path, *, consequence="", unset=()):
    return Finding(Severity.WARNING, "must be an address", f"/{path}", path, 7, consequence, unset)


def left_out(position, field, variable):
    return warning(f"routers[{position}].{field}", consequence="router /a/ is left out", unset=(variable,))


def test_one_entry_is_told_once():
    """With all of its variables; other findings stay as they are, in their order."""
    found = [left_out(3, "url", "BASE"), warning("limits"), left_out(3, "key", "KEY"), left_out(3, "again", "BASE")]
    groups = grouped(found)
    assert [(len(one.findings), one.unset) for one in groups] == [(3, ("BASE", "KEY")), (1, ())]
    assert (groups[0].consequence, groups[0].severity) == ("router /a/ is left out", "warning")


def test_what_the_deployed_file_has_as_well():
    """Also if its entry has moved. An error is always new, and so is a second warning of the same kind."""
    error = Finding(Severity.ERROR, "must be set", "/a", "a")
    new, old = parted(
        [left_out(4, "url", "BASE"), warning("x[0]"), warning("x[1]"), error],
        [left_out(3, "url", "BASE"), warning("x[5]"), error],
    )
    assert old == [left_out(4, "url", "BASE"), warning("x[0]")]
    assert new == [warning("x[1]"), error]
    assert parted([error], []) == ([error], [])
