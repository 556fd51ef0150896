"""Runs tokenizer as a program."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from gecholog import model_runner
from gecholog.processor import Message, Processor
from processors.tokenizer.answer import answer
from processors.tokenizer.config import Config, from_environment

ABOUT = "Counts the tokens of requests and responses with one tokenizer for all models."


def build_processor(config: Config) -> Processor:
    """Create the processor with this config."""
    processor = Processor("tokenizer", concurrency=model_runner.THREADS, description=ABOUT)

    @processor.message
    def tokens(message: Message) -> dict[str, Any]:
        return answer(message, config)

    return processor


def main(argv: Sequence[str], environ: Mapping[str, str]) -> None:
    model_runner.run(lambda: build_processor(from_environment(environ)), "tokenizer", ABOUT, argv)


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)
