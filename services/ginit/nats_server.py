"""nats-server, the one service that is not ours: what it needs to start, and what its log lines say."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Go returns memory late: under a load of small records nats-server came to 1,000 MB. With much less than this it spends
# its time on garbage collection (bench/README.md).
_MEMORY = "640MiB"
_COMMENT = re.compile(r"(#|//).*")
_JETSTREAM = re.compile(r"(^|[\s{,;])[\"']?jetstream[\"']?\s*[:={\s]", re.IGNORECASE)
_LISTENING = re.compile(r"Listening for client connections on (?P<host>\S+):(?P<port>\d+)")
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what it logs


class ReloadResult(Enum):
    """What nats-server logs when it was asked to reload."""

    DONE = "Reloaded server configuration"
    FAILED = "Failed to reload server configuration"


def variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Environment variables to add to `environ` for nats-server.

    GOMEMLIMIT is where Go begins to collect garbage more eagerly, not a hard limit (https://go.dev/doc/gc-guide). A
    value in `environ` stays.
    """
    return {} if "GOMEMLIMIT" in environ else {"GOMEMLIMIT": _MEMORY}


def jetstream_arguments(config: str, store: Path) -> tuple[str, ...]:
    """Arguments that turn JetStream on, with its files below `store`, if the config does not mention JetStream.

    The configs of the original do not. Without JetStream, records would not outlive a restart.
    """
    without_comments = "\n".join(_COMMENT.sub("", line) for line in config.splitlines())
    return () if _JETSTREAM.search(without_comments) else ("-js", "-sd", str(store))


def listen_address(line: str) -> tuple[str, int] | None:
    """The address for clients that a log line names, or None."""
    match = _LISTENING.search(line)
    if match is None:
        return None
    host = match["host"].strip("[]")
    return _LOOPBACK.get(host, host), int(match["port"])


def reload_result(line: str) -> ReloadResult | None:
    """The result of a reload that a log line tells; None if it tells none."""
    return next((result for result in ReloadResult if result.value in line), None)
