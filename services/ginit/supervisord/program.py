"""What supervisord reads: its own config file, and for each service a section and the shell script that it starts.

All that a user may write (paths, arguments) is in the script, quoted for the shell: supervisord's own files have no way
to quote `%`, ` ;` or ` #`.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CONF = Path(__file__).parents[3] / "supervisord.conf"
STOP_WAIT = 3  # seconds that a service has to end before it is killed, unless its config asks for more


def program_section(slug: str, priority: int) -> str:
    """The section of supervisord's configuration for a service: it is started and restarted by ginit only."""
    return (
        f"[program:{slug}]\n"
        f"command=/bin/sh -c 'exec /bin/sh \"$GECHOLOG_RUN/services/{slug}.sh\"'\n"
        f"priority={priority}\n"
        "autostart=false\n"
        "autorestart=false\n"
        "startsecs=0\n"
        "startretries=0\n"
        f"stopwaitsecs={STOP_WAIT}\n"
        "killasgroup=true\n"
        "redirect_stderr=true\n"
        "stdout_logfile=NONE\n"
    )


def start_script(arguments: Sequence[str], pipe: Path, variables: Mapping[str, str] | None = None) -> str:
    """The shell script that becomes the service: all output to its pipe; ginit's own descriptors are closed."""
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in (variables or {}).items())
    return f"{exports}exec {shlex.join(arguments)} </dev/null 1<>{shlex.quote(str(pipe))} 2>&1 8>&- 9>&-\n"
