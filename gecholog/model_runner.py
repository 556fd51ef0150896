"""Runs a processor with a model: loads it only when there are messages to answer, with as many threads as help.

from gecholog import model_runner

def made() -> Processor:
    processor = Processor("mine", concurrency=model_runner.THREADS)
    processor.message(model_of(os.environ))  # takes a while
    return processor

model_runner.run(made, "mine", "Does mine.", sys.argv[1:])
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from gecholog.errors import ConfigError
from gecholog.processor import Processor

THREADS = max(2, os.cpu_count() or 1)
"""The `concurrency` of a processor that computes: more threads than cores would only delay each answer."""

_WRONG_ENVIRONMENT = 2  # the exit code, as of gecholog.processor


def run(make: Callable[[], Processor], name: str, description: str, argv: Sequence[str]) -> NoReturn:
    """Run the processor that `make` makes, as a program. If `make` raises ConfigError, the exit code is 2.

    `make` is called only if there are messages to answer: a health check or `--version` needs no model.
    """
    if argv:  # every option ends the program before it serves
        Processor(name, description=description).run(argv)
    try:
        processor = make()
    except ConfigError as error:
        sys.stderr.write("".join(f"{name}: {error.source}: {problem}\n" for problem in error.problems))
        sys.exit(_WRONG_ENVIRONMENT)
    processor.run(argv)
