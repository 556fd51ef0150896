"""Runs regex as a program."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from gecholog import model_runner
from gecholog.processor import Processor, Response
from processors.regex.answer import answer
from processors.regex.config import Config, from_environment

ABOUT = "Searches responses for a regular expression and adds the matches to the payload."


def build_processor(config: Config) -> Processor:
    """Create the processor with this config."""
    processor = Processor("regex", concurrency=model_runner.THREADS, description=ABOUT)

    @processor.response
    def search(response: Response) -> dict[str, Any]:
        return answer(response, config, time.monotonic)

    return processor


def main(argv: Sequence[str], environ: Mapping[str, str]) -> None:
    model_runner.run(lambda: build_processor(from_environment(environ)), "regex", ABOUT, argv)


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)
