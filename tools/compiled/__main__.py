"""Compiles the modules of a call: `python -m tools.compiled FOLDER`.

The folder gets a copy of our packages with extensions, and of the shipped configs. With it in PYTHONPATH, gl runs
compiled:

    PYTHONPATH=$PWD/build/compiled make up
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

from tools.compiled.modules import MODULES
from tools.compiled.source import compilable

_ROOT = Path(__file__).resolve().parents[2]
_COPIED = ("conf", "gecholog", "processors", "services")
_GROUP = "gl"  # all modules are one shared library, so that calls between them are direct

# It runs in a process of its own: mypyc takes the paths of modules from the working directory.
_BUILD = """
import sys
from setuptools import setup
from mypyc.build import mypycify
words = ["--config-file=", "--ignore-missing-imports", "--python-executable", sys.executable, *sys.argv[4:]]
made = mypycify(words, opt_level="2", debug_level="0", multi_file=True, group_name=sys.argv[1])
options = ["build_ext", f"--build-lib={sys.argv[2]}", f"--build-temp={sys.argv[3]}", "--parallel=2"]
setup(name="compiled", packages=[], py_modules=[], ext_modules=made, script_args=["--quiet", *options])
"""


def main() -> None:
    """Compile into the folder."""
    parser = argparse.ArgumentParser(description="Compile the modules of gl through which a call runs.")
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder.resolve()
    if missing := _missing():
        parser.error(f"missing: {', '.join(missing)}")
    work = folder.with_name(f"{folder.name}.work")
    for each in (folder, work):
        shutil.rmtree(each, ignore_errors=True)
    _copy(work)
    for module in MODULES:
        file = work / module
        file.write_text(compilable(file.read_text("utf-8")), "utf-8")
    _copy(folder)
    _compile(work, folder)
    shutil.rmtree(work)


def _missing() -> list[str]:
    """The requirements of mypyc that are not installed."""
    has_headers = (Path(sysconfig.get_path("include")) / "Python.h").is_file()
    return [
        *([] if shutil.which(os.environ.get("CC", "cc")) else ["a C compiler (Debian: gcc)"]),
        *([] if has_headers else ["the headers of Python (Debian: python3-dev)"]),
        *([] if find_spec("setuptools") else ["setuptools (pip install setuptools)"]),
    ]


def _copy(folder: Path) -> None:
    for each in _COPIED:
        ignored = shutil.ignore_patterns("__pycache__", "*.so")
        shutil.copytree(_ROOT / each, folder / each, ignore=ignored, symlinks=True)
    shutil.copy(_ROOT / "supervisord.conf", folder)


def _compile(work: Path, folder: Path) -> None:
    """Compile the modules below `work`, and put the extensions into `folder`."""
    words = [sys.executable, "-c", _BUILD, _GROUP, str(folder), str(work / "objects"), *MODULES]
    flags = f"{os.environ.get('CFLAGS', '')} -g0"
    subprocess.run(words, cwd=work, env={**os.environ, "CFLAGS": flags, "MYPYPATH": "."}, check=True)  # noqa: S603


if __name__ == "__main__":
    main()
