"""The command: `python -m services.gl.import_config FILE [--output FILE]`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson

from gecholog import atomic_file
from services.gl.import_config import gophergate, litellm, llm_gateway
from services.gl.import_config.imported import Imported
from services.gl.import_config.source import ImportRefusedError, read_yaml


def convert(text: str, environment: Mapping[str, str]) -> Imported:
    """Convert a file of another gateway, told by its shape. Raises ImportRefusedError."""
    if gophergate.looks_like(text):
        return gophergate.convert(text)
    root = read_yaml(text)
    if litellm.looks_like(root):
        return litellm.convert(root)
    if llm_gateway.looks_like(root):
        return llm_gateway.convert(root, environment)
    message = "is no config of llm-gateway (providers, models), LiteLLM (model_list) or GopherGate (NAME=VALUE)"
    raise ImportRefusedError(root.line, "", message)


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert a file, print the config, and tell what is lost. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m services.gl.import_config",
        description="Convert the config of llm-gateway, LiteLLM or GopherGate into a part of gl_config.json.",
        epilog="What could not be carried over is listed on standard error. Keys of the file are in the output.",
    )
    parser.add_argument("file", type=Path, help="config.yml, config.yaml or .env of the other gateway")
    parser.add_argument(
        "-o", "--output", type=Path, help="write to this file, readable only for you, not to standard output"
    )
    chosen = parser.parse_args(arguments)
    try:
        found = convert(chosen.file.read_text(encoding="utf-8-sig"), os.environ)
    except (OSError, UnicodeDecodeError) as error:
        sys.stderr.write(
            f"{chosen.file}: cannot be read: {error.strerror if isinstance(error, OSError) else 'no UTF-8'}\n"
        )
        return 1
    except ImportRefusedError as error:
        sys.stderr.write(f"{chosen.file}: {error}\n")
        return 1
    _write(found, chosen.output)
    _tell(found, chosen.file)
    return 0


def _write(found: Imported, output: Path | None) -> None:
    data = orjson.dumps(found.fragment(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if output is None:
        sys.stdout.write(data.decode())
    else:
        atomic_file.write(output, data, 0o600)


def _tell(found: Imported, file: Path) -> None:
    counted = f"{len(found.providers)} providers, {len(found.models)} models"
    sys.stderr.write(f"{file}: a config of {found.system}: {counted}\n")
    if found.lost:
        sys.stderr.write("not carried over:\n")
        sys.stderr.writelines(f"  {line}\n" for line in found.lost)


if __name__ == "__main__":
    sys.exit(main())
