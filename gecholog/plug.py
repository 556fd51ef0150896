"""Parts that are chosen by name when a program starts, and libraries that only an extra installs.

A processor whose work can be done in several ways takes the one that an environment variable names, as `module:name`.
What it names is called once, without arguments, and returns the function that does the work: models are loaded before
the first message comes.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

from gecholog.errors import ConfigError, Problem

_FORM = re.compile(r"([A-Za-z_][\w.]*):([A-Za-z_]\w*)", re.ASCII)


def plugged(variable: str, name: str) -> Callable[..., Any]:
    """Make the part that `name` (`module:name`) stands for. `variable` is where the name comes from, for messages.

    Modules are looked for as in every Python program: in the working directory (`python -m`), in PYTHONPATH, among what
    is installed. Raises ConfigError if there is no such module or name, or if what it makes cannot be called.
    """
    form = _FORM.fullmatch(name)
    if form is None:
        raise wrong(variable, "must be module:name, such as my_model:load")
    try:
        module = importlib.import_module(form[1])
    except ImportError as error:
        raise wrong(variable, f"must name a module that can be imported ({error})") from error
    make = getattr(module, form[2], None)
    if not callable(make):
        raise wrong(variable, "must name a function of the module")
    made = make()
    if not callable(made):
        raise wrong(variable, "must name a function that returns the function which does the work")
    return made  # type: ignore[no-any-return]


def library(name: str, extra: str, instead: str = "") -> ModuleType:
    """Import a library that only an extra installs. Raises ConfigError with the command that installs it.

    `instead` is what to set in order to do without it, for the message.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.partition(".")[0]:
            raise
        command = f".venv/bin/python -m pip install -e '.[{extra}]'"
        rule = f"is not installed: the extra {extra} has it ({command})" + (f"; or set {instead}" if instead else "")
        raise wrong(name, rule) from error


def wrong(name: str, rule: str) -> ConfigError:
    """The error of an environment in which something is wrong: a variable, or a library that is missing."""
    return ConfigError("environment", [Problem(name, rule)])
