"""What the services left out of their configs."""

from services.ginit.terminal.left_out import lines, reasons


def entry(name, *rules, closes=()):
    problems = [{"path": f"routers[1].{place}", "line": 1, "rule": rule} for place, rule in enumerate(rules)]
    return {"list": "routers", "name": name, "entry": f"router {name}", "closes": list(closes), "problems": problems}


def unset(variable):
    return (
        f"must be an http or https address (the value comes from the environment variable {variable}, which is not set)"
    )


def test_entries_with_one_reason_share_a_line():
    """The variables to set are named once."""
    report = {
        "left_out": [entry("/a/", unset("URL")), entry("/b/", unset("URL")), entry("/c/", unset("URL"), unset("KEY"))]
    }
    assert list(lines(report)) == [
        "left out: router /a/, router /b/ (URL is not set)",
        "left out: router /c/ (URL, KEY are not set)",
    ]


def test_wrong_value_is_named():
    """The place in the file, and the rule."""
    assert reasons({"left_out": [entry("/a/", "must be a number")]}) == {"router /a/": "routers[1].0 must be a number"}


def test_routers_that_are_closed():
    """A cap that cannot hold refuses the calls that it is for."""
    report = {"left_out": [entry("/a/", "must be 0 or more", closes=["/a/"])]}
    assert next(iter(lines(report))).endswith("must be 0 or more; calls of /a/ are refused)")


def test_nothing_is_left_out():
    """Then there is nothing to say."""
    assert list(lines({})) == []
