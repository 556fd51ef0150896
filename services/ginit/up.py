"""`make up`: starts the appliance in the foreground of a terminal."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Run the appliance; returns its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while the rest is imported: no traceback
    from services.ginit.terminal import foreground  # noqa: PLC0415 - it is slow to import, see above

    return foreground.main()


if __name__ == "__main__":
    sys.exit(main())
