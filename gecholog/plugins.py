"""Plugins, chosen by name when a program starts, and libraries that only an extra installs.

An environment variable names the function that makes a plugin, as `module:name`. It is called once, without arguments,
and returns the function that does the work, so that models are loaded before the first message arrives.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

from gecholog.errors import ConfigError, Problem

_FORM = re.compile(r"([A-Za-z_][\w.]*):([A-Za-z_]\w*)", re.ASCII)


def load_plugin(variable: str, name: str) -> Callable[..., Any]:
    """Make the plugin that `name` (`module:name`) stands for. `variable` is where the name comes from, for messages.

    Modules are found as in every Python program: in the working directory (`python -m`), in PYTHONPATH, among the
    installed packages. Raises ConfigError if the module or the name does not exist, or if the plugin is not callable.
    """
    form = _FORM.fullmatch(name)
    if form is None:
        raise environment_error(variable, "must be module:name, such as my_model:load")
    try:
        module = importlib.import_module(form[1])
    except ImportError as error:
        raise environment_error(variable, f"must name a module that can be imported ({error})") from error
    make = getattr(module, form[2], None)
    if not callable(make):
        raise environment_error(variable, "must name a function of the module")
    made = make()
    if not callable(made):
        raise environment_error(variable, "must name a function that returns the function which does the work")
    return made  # type: ignore[no-any-return]


def import_extra(name: str, extra: str, instead: str = "") -> ModuleType:
    """Import a library that only an extra installs. Raises ConfigError with the command that installs it.

    `instead` is a setting that makes it unnecessary, for the message.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.partition(".")[0]:
            raise
        command = f".venv/bin/python -m pip install -e '.[{extra}]'"
        rule = f"is not installed: the extra {extra} has it ({command})" + (f"; or set {instead}" if instead else "")
        raise environment_error(name, rule) from error


def environment_error(name: str, rule: str) -> ConfigError:
    """The error for a wrong environment variable or a missing library; `name` is what `rule` is about."""
    return ConfigError("environment", [Problem(name, rule)])
