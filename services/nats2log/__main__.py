"""`python -m services.nats2log -o FILE -a ALIAS` writes the records of gl to one destination."""

from __future__ import annotations

import os
import sys

from gecholog.cli import Program, main
from gecholog.health import home
from services.nats2log.config import Config, build, config_spec
from services.nats2log.service import Nats2Log

PROGRAM: Program[Config] = Program(
    name="nats2log",
    about="Writes the records of gl to a file, a REST API, Elasticsearch, Azure or the ledger.",
    config_spec=config_spec,
    build=build,
    make=lambda config, alias: Nats2Log(config, alias, home()),
)

_NICENESS = 10  # calls have priority: records can wait in the stream, clients cannot

if __name__ == "__main__":
    os.nice(_NICENESS)
    sys.exit(main(PROGRAM))
