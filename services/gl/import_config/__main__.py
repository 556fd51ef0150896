"""The command: `python -m services.gl.import_config FILE`, in the image `./import-config FILE`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from gecholog import __version__, atomic_file
from services.gl.import_config import gophergate, litellm, llm_gateway
from services.gl.import_config.imported import Imported
from services.gl.import_config.source import ImportRefusedError, Node, read_yaml

_MODE = 0o600  # of written files, which hold keys


def convert(text: str, environment: Mapping[str, str]) -> Imported:
    """Convert a file of another gateway, recognised by its shape. What is lost is in the order of the lines.

    Raises ImportRefusedError.
    """
    found = _converted(text, environment)
    found.lost.sort(key=_line)
    return found


def _line(lost: str) -> int:
    """The number in `line N: …`; 0 for what is not about a line."""
    word, _, rest = lost.partition(" ")
    number = rest.partition(":")[0]
    return int(number) if word == "line" and number.isdecimal() else 0


def _converted(text: str, environment: Mapping[str, str]) -> Imported:
    if gophergate.looks_like(text):
        return gophergate.convert(text)
    repeated: list[Node] = []
    root = read_yaml(text, repeated)
    if litellm.looks_like(root):
        return litellm.convert(root, repeated)
    for node in repeated:  # llm-gateway, which is written in Go, does not start with them
        node.refuse("is given twice")
    if llm_gateway.looks_like(root):
        return llm_gateway.convert(root, environment)
    message = "is no config of llm-gateway (providers, models), LiteLLM (model_list) or GopherGate (NAME=VALUE)"
    raise ImportRefusedError(root.line, "", message)


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert a file, write the config, and list what is lost. Returns the exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        found = convert(chosen.file.read_text(encoding="utf-8-sig"), os.environ)
        _check_files(found)
        config = None if chosen.into is None else found.merged(_read_config(chosen.into))
    except ImportRefusedError as error:
        return _fail(chosen.file, str(error))
    except OSError as error:
        return _fail(Path(error.filename or chosen.file), f"cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        return _fail(chosen.file, "cannot be read: no UTF-8")
    except ValueError:
        return _fail(chosen.into, "is no JSON file with an object: variables must be in quotes")
    if chosen.json:
        sys.stdout.write(json.dumps(_report(found, config)) + "\n")
        return 0
    _write(found, config, chosen)
    _list(found, chosen.file)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="import-config",
        description="Convert the config of llm-gateway, LiteLLM or GopherGate into a part of gl_config.json.",
        epilog="Settings that cannot be carried over are listed on standard error. The output contains the keys.",
    )
    parser.add_argument("file", type=Path, help="config.yml, config.yaml or .env of the other gateway")
    parser.add_argument(
        "-o", "--output", type=Path, help="write the part to this file, readable only for you, not to standard output"
    )
    parser.add_argument(
        "--into",
        metavar="GL_CONFIG",
        type=Path,
        help="replace providers, models and the router /v1/ of this file; what it was is kept in GL_CONFIG.old",
    )
    parser.add_argument(
        "--json", action="store_true", help="only print a JSON object: system, config (whole with --into), lost"
    )
    parser.add_argument("--version", action="version", version=__version__)
    return parser


def _check_files(found: Imported) -> None:
    """Refuse a path that leads to no file. Raises ImportRefusedError."""
    for node in found.files:
        if not Path(node.text()).is_file():
            node.refuse("must be a file, and there is none")


def _read_config(file: Path) -> dict[str, Any]:
    """A `gl_config.json`, its variables as they are. Raises OSError, ValueError."""
    config = json.loads(file.read_text(encoding="utf-8-sig"))
    if not isinstance(config, dict):
        raise ValueError("not an object")  # noqa: TRY004 - as for what is no JSON
    return config


def _fail(file: Path, message: str) -> int:
    sys.stderr.write(f"{file}: {message}\n")
    return 1


def _report(found: Imported, config: dict[str, Any] | None) -> dict[str, Any]:
    return {"system": found.system, "config": found.fragment() if config is None else config, "lost": found.lost}


def _write(found: Imported, config: dict[str, Any] | None, chosen: argparse.Namespace) -> None:
    data = orjson.dumps(
        found.fragment() if config is None else config, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    )
    if chosen.into is not None:
        status = chosen.into.stat()
        atomic_file.write(
            chosen.into.with_name(f"{chosen.into.name}.old"), chosen.into.read_bytes(), like=status, fsync=True
        )
        atomic_file.write(chosen.into, data, like=status, fsync=True)
    elif chosen.output is not None:
        atomic_file.write(chosen.output, data, _MODE)
    else:
        sys.stdout.write(data.decode())


def _list(found: Imported, file: Path) -> None:
    counted = f"{len(found.providers)} providers, {len(found.models)} models"
    sys.stderr.write(f"{file}: a config of {found.system}: {counted}\n")
    if found.lost:
        sys.stderr.write("not carried over:\n")
        sys.stderr.writelines(f"  {line}\n" for line in found.lost)


if __name__ == "__main__":
    sys.exit(main())
