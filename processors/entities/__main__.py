"""Runs entities as a program."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from gecholog import model_runner
from gecholog.processor import Message, Processor
from processors.entities.answer import answer
from processors.entities.config import Config, from_environment

ABOUT = "Finds entities in requests and responses: people, places, dates, addresses."


def build_processor(config: Config) -> Processor:
    """Create the processor with this config."""
    processor = Processor("entities", subject=config.subject, concurrency=model_runner.THREADS, description=ABOUT)

    @processor.message
    def recognize(message: Message) -> dict[str, Any]:
        return answer(message, config)

    return processor


def main(argv: Sequence[str], environ: Mapping[str, str]) -> None:
    model_runner.run(lambda: build_processor(from_environment(environ)), "entities", ABOUT, argv)


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)
