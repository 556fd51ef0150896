"""gl as a program: `python -m services.gl -o gl_config.json`."""

from __future__ import annotations

import sys

from gecholog.cli import Program, main
from services.gl.config import blueprint, build
from services.gl.gateway import Gateway

PROGRAM = Program(
    name="gl",
    about="The gateway: routes, protects, changes, measures and records calls to LLM APIs.",
    blueprint=blueprint,
    build=build,
    make=Gateway,
    ready="http(s) server initialized",
)

if __name__ == "__main__":
    sys.exit(main(PROGRAM))
