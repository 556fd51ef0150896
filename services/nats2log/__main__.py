"""`python -m services.nats2log -o FILE -a ALIAS`: writes the records of gl to one target."""

from __future__ import annotations

import sys

from gecholog.cli import Program, main
from gecholog.health import home
from services.nats2log.config import Config, blueprint, build
from services.nats2log.service import Nats2Log

PROGRAM: Program[Config] = Program(
    name="nats2log",
    about="Writes the records of gl to a file, a REST API, Elasticsearch or Azure.",
    blueprint=blueprint,
    build=build,
    make=lambda config, alias: Nats2Log(config, alias, home()),
)

if __name__ == "__main__":
    sys.exit(main(PROGRAM))
