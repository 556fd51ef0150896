"""The web interface with the shipped config files in its home folder."""

import html
import re
from pathlib import Path

import pytest

CONF = Path(__file__).parents[4] / "conf"
_INPUT = re.compile(r'<input ([^>]*)name="([^"]*)"([^>]*)>')
_VALUE = re.compile(r'value="([^"]*)"')


@pytest.fixture
def conf(home):
    """The conf folder of the interface, with the shipped files."""
    folder = home / "conf"
    folder.mkdir(parents=True)
    for file in filter(Path.is_file, CONF.iterdir()):
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


@pytest.fixture
def editor(conf, signed_in):
    """A browser in which admin is signed in."""
    return signed_in


def expected(reply):
    """The checksum of the draft that a page was made from."""
    return re.search(r'name="expected" value="([0-9a-f]{64})"', reply.text)[1]


def inputs(reply):
    """The inputs of the form of a config, as a browser would post them."""
    text = reply.text.split('class="card config-form"')[1].split("</form>")[0]
    found = {}
    for before, name, after in _INPUT.findall(text):
        value = _VALUE.search(before + after)
        found[html.unescape(name)] = html.unescape(value[1]) if value else ""
    for name, options in re.findall(r'<select [^>]*name="([^"]*)"[^>]*>(.*?)</select>', text, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        found[html.unescape(name)] = html.unescape(chosen[1]) if chosen else ""
    for name, value in re.findall(r'<textarea [^>]*name="([^"]*)"[^>]*>\n(.*?)</textarea>', text, re.DOTALL):
        found[html.unescape(name)] = html.unescape(value)
    return found


def save(browser, page, *, op="save", **changed):
    """Load a form, change fields, and post all of it."""
    reply = browser.get(page)
    form = inputs(reply) | {"op": op} | changed
    token = form.pop("csrf_token", reply.csrf_token)
    return browser.post(page, token=token, **form)


@pytest.fixture(name="save")
def save_fixture():
    return save


@pytest.fixture(name="expected")
def expected_fixture():
    return expected
