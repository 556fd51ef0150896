"""The errors say where and what, and carry their data."""

import importlib
import pkgutil
import re

import pytest

import gecholog
from gecholog import errors
from gecholog.errors import ConfigError, GechologError, MessageTooLarge, Problem


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("a[2].b", "is missing", 7), "a[2].b (line 7): is missing"),
        (Problem("a", "is missing"), "a: is missing"),
        (Problem("", "is not JSON"), "file: is not JSON"),
        (Problem("", "is not JSON", 1), "file (line 1): is not JSON"),
    ],
)
def test_problem(problem, text):
    """A problem as people read it."""
    assert str(problem) == text


def test_config_error():
    """All problems are in the message, and there as data."""
    problems = [Problem("a", "is missing", 1), Problem("", "is odd")]
    error = ConfigError("f.json", iter(problems))
    assert str(error) == "f.json: a (line 1): is missing; file: is odd"
    assert error.problems == tuple(problems)
    assert isinstance(error, GechologError)


def test_message_too_large():
    error = MessageTooLarge(11, 10)
    assert (error.size, error.limit, str(error)) == (11, 10, "message of 11 bytes, the bus takes 10")


def drawn():
    """The tree in the docstring of gecholog.errors: the name of each error, and of the one that it is drawn below."""
    branch, tree = [], {}
    for line in errors.__doc__.splitlines():
        if found := re.match(r" {4}([│├└─ ]*)(\w+)", line):
            depth = len(found[1]) // 4
            branch[depth:] = [found[2]]
            tree[found[2]] = branch[depth - 1] if depth else "Exception"
    return tree


def below(error):
    """An error of gecholog, and all that stand on it, each with its first base."""
    tree = {error.__name__: error.__bases__[0].__name__}
    for one in error.__subclasses__():
        if one.__module__.startswith("gecholog."):
            tree |= below(one)
    return tree


def test_the_tree_is_drawn_as_it_is():
    """Every error of every module is in the docstring, in its place."""
    for module in pkgutil.walk_packages(gecholog.__path__, "gecholog."):
        importlib.import_module(module.name)
    assert drawn() == below(GechologError)


def test_old_names():
    """Processors that import an error by its name of version 1.1 still catch it."""
    assert errors.OtherSide is errors.WrongSide
    assert errors.NoFields is errors.InvalidResult
