"""Parts by name, and libraries of extras."""

import sys

import pytest

from gecholog import plugins
from gecholog.errors import ConfigError

MODULE = """
made = []

def load():
    made.append(1)
    return lambda text: len(text) * len(made)

def nothing():
    pass

value = 3
"""


@pytest.fixture
def my_model(tmp_path, monkeypatch):
    """A user's module, and the name that it has on the path."""
    (tmp_path / "my_model_of_tests.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield "my_model_of_tests"
    sys.modules.pop("my_model_of_tests", None)


def test_plugged(my_model):
    """What the name stands for is made once, and does the work."""
    work = plugins.load_plugin("MODEL", f"{my_model}:load")
    assert [work("ab"), work("abc")] == [2, 3]


@pytest.mark.parametrize("name", ["", "load", ":load", "my_model_of_tests:", "a b:c", "os:path.join", "../x:y"])
def test_no_name(name):
    """What is no module:name is said to be none."""
    with pytest.raises(ConfigError, match="MODEL: must be module:name"):
        plugins.load_plugin("MODEL", name)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("no_such_module_here:load", r"can be imported \(No module named 'no_such_module_here'\)"),
        ("my_model_of_tests:missing", "must name a function of the module"),
        ("my_model_of_tests:value", "must name a function of the module"),
        ("my_model_of_tests:nothing", "must name a function that returns"),
    ],
)
def test_no_part(my_model, name, rule):
    """What cannot be made is said with the variable that asked for it."""
    with pytest.raises(ConfigError, match=f"MODEL: .*{rule}"):
        plugins.load_plugin("MODEL", name)


def test_library():
    """A library that is there is given, one that is not is named with the extra that installs it."""
    assert plugins.import_extra("json", extra="web") is sys.modules["json"]
    with pytest.raises(ConfigError, match=r"the extra web .*pip install -e '.\[web\]'"):
        plugins.import_extra("no_such_module_here.part", extra="web")


def test_library_or_something_else():
    """What does without the library is said with the library."""
    with pytest.raises(ConfigError, match=r"pip install -e '.\[web\]'.*; or set MODEL=plain$"):
        plugins.import_extra("no_such_module_here", extra="web", instead="MODEL=plain")
