"""Runs charactercount as a program: `python -m processors.charactercount`."""

from processors.charactercount.charactercount import processor

if __name__ == "__main__":
    processor.run()
