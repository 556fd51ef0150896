"""Where a visitor is in a tutorial."""

import pytest

from services.gui import routes
from services.gui.tutorials.catalogue import DEPLOY, NEW_ROUTER, TUTORIALS
from services.gui.tutorials.progress import chosen, moved

STEPS = [(tutorial, step) for tutorial in TUTORIALS for step in tutorial.steps]
NUMBERS = {*range(101, 109), *range(201, 210), *range(301, 310), *range(401, 407), *range(501, 506)}


def test_numbers_of_the_original():
    numbers = [step.number for _, step in STEPS]
    assert len(numbers) == len(set(numbers))
    assert set(numbers) >= NUMBERS


def test_pages_exist():
    """Each step leads to a page of the interface, whose address has no other name."""
    known = {route.path for route in routes.ROUTES if route.is_safe}
    known |= {path.replace("{file}", name) for path in known for name in ("gl", "nats2file")}
    assert {page.path for _, step in STEPS for page in step.pages} <= known


def test_each_ends_with_something_that_happened():
    for tutorial in TUTORIALS:
        row = chosen(str(tutorial.first.number), tutorial.first.pages[0].path, None, 0.0).row
        assert row[-1].goal is not None, tutorial.name


def test_forward_and_back():
    """Next and Previous lead through all steps, and end."""
    for tutorial in TUTORIALS:
        now = chosen(str(tutorial.first.number), tutorial.first.pages[0].path, None, 1.0)
        passed = [now.step]
        while (step := now.following) is not None:
            now = chosen(str(step.number), step.pages[0].path, now, 2.0)
            assert now.previous is passed[-1]
            passed.append(step)
        assert (tuple(passed), now.started) == (now.row, 1.0)


@pytest.mark.parametrize(
    ("number", "path"), [("999", "/routers"), ("", "/routers"), ("x", "/routers"), ("401", "/routers")]
)
def test_no_such_step_here(number, path):
    assert chosen(number, path, None, 0.0) is None


def test_a_form_leads_on():
    """The page that a step leads to is that of the next one. Any other page leaves the step as it is."""
    now = chosen("104", "/routers", None, 5.0)
    assert moved(now, "/config/gl/form").step.number == 105
    assert moved(now, "/users").step.number == 104
    assert moved(now, "/routers") is now


def test_another_tutorial_begins_anew():
    first = chosen("101", "/routers", None, 1.0)
    second = chosen("401", "/config/gl", first, 9.0)
    assert (first.tutorial, second.tutorial, second.started) == (NEW_ROUTER, DEPLOY, 9.0)


def test_keeping_a_version_returns():
    """It is no step of the row."""
    aside = chosen("406", "/config/gl/archive", None, 0.0)
    assert aside.place == len(aside.row) - 1
    assert aside.following.number == 404
