"""The documentation: its links work, its JSON can be parsed, and examples are shown unchanged."""

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
    """Return the anchor that GitHub gives a heading: lower case, spaces as `-`, and no signs except `-` and `_`."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def links(page):
    """Return the links of a page within the project."""
    return [link for link in _LINK.findall(prose(page)) if not _ELSEWHERE.match(link)]


def problem(page, link):
    """Return the problem of a link, or None."""
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
    """Each block that is marked as JSON can be parsed."""
    for block in blocks(PAGES[name]):
        if block.language == "json":
            json.loads(block.text)


def test_shown_examples():
    """A block with the name of a file in conf/examples shows that whole file."""
    shown = [block for page in PAGES.values() for block in blocks(page) if block.name in EXAMPLES]
    for block in shown:
        assert json.loads(block.text) == json.loads(EXAMPLES[block.name].read_text("utf-8")), block.name
    sinks = {name for name in EXAMPLES if name.endswith("nats2log_config.json")}
    assert sinks <= {block.name for block in shown}


def test_every_page_is_found():
    """Every page can be reached from README or docs/."""
    linked = {(page.parent / link.partition("#")[0]).resolve() for page in PAGES.values() for link in links(page)}
    wanted = {page for page in PAGES.values() if page.parent == ROOT / "docs"}
    assert wanted <= linked


def test_the_check_finds_what_is_wrong(tmp_path):
    """A dead link, a missing heading, and a valid link."""
    page = tmp_path / "page.md"
    page.write_text("# One *two*: `three`\n\n```\n# no heading\n```\n", "utf-8")
    assert problem(page, "other.md") == "other.md: no such file"
    assert problem(page, "#no-heading") == "#no-heading: no such heading"
    assert problem(page, "page.md#one-two-three") is None
