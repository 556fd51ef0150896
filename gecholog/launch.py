"""The start of a processor that computes: made when there are messages to answer, with as many threads as help.

from gecholog import launch

def made() -> Processor:
    processor = Processor("mine", concurrency=launch.THREADS)
    processor.message(model_of(os.environ))  # takes its time
    return processor

launch.run(made, "mine", "Does mine.", sys.argv[1:])
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from gecholog.errors import ConfigError
from gecholog.processor import Processor

THREADS = max(2, os.cpu_count() or 1)
"""The `concurrency` of a processor that computes: more threads than processors would only make each answer later."""

_WRONG_ENVIRONMENT = 2  # the exit code, as of gecholog.processor


def run(make: Callable[[], Processor], name: str, description: str, argv: Sequence[str]) -> NoReturn:
    """Be the program of the processor that `make` makes. What is wrong with its config ends it with exit code 2.

    A health check or the version needs no model: `make` is called only if there are messages to answer.
    """
    if argv:  # every option is one that ends the program before it serves
        Processor(name, description=description).run(argv)
    try:
        processor = make()
    except ConfigError as error:
        sys.stderr.write("".join(f"{name}: {error.source}: {problem}\n" for problem in error.problems))
        sys.exit(_WRONG_ENVIRONMENT)
    processor.run(argv)
