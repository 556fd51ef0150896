"""gl as a program: `python -m services.gl -o gl_config.json`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gecholog import health
from gecholog.cli import Program, main
from services.gl.config import build, config_spec
from services.gl.gateway import Gateway
from services.gl.role import Role
from services.gl.workers import fork_server
from services.gl.workers.parent import Parent

if TYPE_CHECKING:
    from gecholog.service import Service
    from services.gl.config import Config


def make(config: Config, alias: str) -> Service[Config]:
    """The service: one process that does everything, or the parent of several workers."""
    return Parent(config, alias) if config.workers > 1 else Gateway(config, Role.alone(alias, health.home()))


PROGRAM = Program(
    name="gl",
    about="The gateway: routes, protects, changes, measures and records calls to LLM APIs.",
    config_spec=config_spec,
    build=build,
    make=make,
    ready="http(s) server initialized",
)

# Seconds until a thread that reads a large body gives the interpreter back to the event loop (Python's own: 0.005).
_SWITCH_INTERVAL = 0.001

if __name__ == "__main__":
    sys.setswitchinterval(_SWITCH_INTERVAL)
    sys.exit(fork_server.main(sys.argv[1:]) if sys.argv[1:2] == [fork_server.OPTION] else main(PROGRAM))
