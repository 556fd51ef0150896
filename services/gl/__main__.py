"""gl as a program: `python -m services.gl -o gl_config.json`."""

from __future__ import annotations

import sys

from gecholog.cli import Program, main
from services.gl.config import build, config_spec
from services.gl.gateway import Gateway

PROGRAM = Program(
    name="gl",
    about="The gateway: routes, protects, changes, measures and records calls to LLM APIs.",
    config_spec=config_spec,
    build=build,
    make=Gateway,
    ready="http(s) server initialized",
)

# Seconds until a thread that reads a large body gives the interpreter back to the event loop (Python's own: 0.005).
_SWITCH_INTERVAL = 0.001

if __name__ == "__main__":
    sys.setswitchinterval(_SWITCH_INTERVAL)
    sys.exit(main(PROGRAM))
