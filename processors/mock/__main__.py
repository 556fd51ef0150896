"""Runs mock as a program: `python -m processors.mock`."""

import os
import sys

from processors.mock.mock import processor_with, rate_of

if __name__ == "__main__":
    try:
        RATE = rate_of(os.environ.get("LAMBDA", ""))
    except ValueError:
        sys.stderr.write("mock: LAMBDA must be a number\n")
        sys.exit(2)
    processor_with(RATE).run()
