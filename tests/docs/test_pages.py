"""The documentation: its links lead somewhere, its JSON can be parsed, and examples are shown as they are."""

import json
import re

import pytest

from tests.support.pages import ROOT, blocks, pages, prose

PAGES = {str(page.relative_to(ROOT)): page for page in pages()}
EXAMPLES = {file.name: file for file in (ROOT / "conf" / "examples").iterdir()}
_LINK = re.compile(r"\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^#+ +(.*?) *$", re.MULTILINE)
_ELSEWHERE = re.compile(r"[a-z]+:")


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading: small letters, blanks as `-`, no other signs but `-` and `_`."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def links(page):
    """The links of a page that stay within the project."""
    return [link for link in _LINK.findall(prose(page)) if not _ELSEWHERE.match(link)]


def problem(page, link):
    """What is wrong with a link; None if it leads somewhere."""
    path, _, fragment = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists():
        return f"{link}: no such file"
    if fragment and fragment not in {anchor(heading) for heading in _HEADING.findall(prose(target))}:
        return f"{link}: no such heading"
    return None


@pytest.mark.parametrize("name", PAGES)
def test_links(name):
    """Each relative link leads to a file of the project, and to a heading in it."""
    page = PAGES[name]
    assert [found for link in links(page) if (found := problem(page, link))] == []


@pytest.mark.parametrize("name", PAGES)
def test_json(name):
    """Each block that says that it is JSON is JSON."""
    for block in blocks(PAGES[name]):
        if block.language == "json":
            json.loads(block.text)


def test_shown_examples():
    """A block with the name of a file in conf/examples shows that file, all of it."""
    shown = [block for page in PAGES.values() for block in blocks(page) if block.name in EXAMPLES]
    for block in shown:
        assert json.loads(block.text) == json.loads(EXAMPLES[block.name].read_text("utf-8")), block.name
    sinks = {name for name in EXAMPLES if name.endswith("nats2log_config.json")}
    assert sinks <= {block.name for block in shown}


def test_every_page_is_found():
    """A reader of README or of docs/ comes to every page."""
    linked = {(page.parent / link.partition("#")[0]).resolve() for page in PAGES.values() for link in links(page)}
    wanted = {page for page in PAGES.values() if page.parent == ROOT / "docs"}
    assert wanted <= linked


def test_the_check_finds_what_is_wrong(tmp_path):
    """A dead link, a heading that is not there, and one that is."""
    page = tmp_path / "page.md"
    page.write_text("# One *two*: `three`\n\n```\n# no heading\n```\n", "utf-8")
    assert problem(page, "other.md") == "other.md: no such file"
    assert problem(page, "#no-heading") == "#no-heading: no such heading"
    assert problem(page, "page.md#one-two-three") is None
