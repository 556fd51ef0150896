"""nats-server, the one service that is not ours: what it needs to start, and what it says of a reload."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_COMMENT = re.compile(r"(#|//).*")
# Go gives memory back late: under load of small records nats-server came to 1,000 MB. With much less than this it is
# busy with cleaning up (bench/README.md).
_MEMORY = "640MiB"
_JETSTREAM = re.compile(r"(^|[\s{,;])[\"']?jetstream[\"']?\s*[:={\s]", re.IGNORECASE)


_LISTENING = re.compile(r"Listening for client connections on (?P<host>\S+):(?P<port>\d+)")
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what it says


class Reload(Enum):
    """What nats-server says when it was asked to reload."""

    DONE = "Reloaded server configuration"
    FAILED = "Failed to reload server configuration"


def variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Environment variables for it, besides those of `environ`.

    GOMEMLIMIT is where Go begins to collect garbage more eagerly, no hard limit (https://go.dev/doc/gc-guide). Who sets
    it decides.
    """
    return {} if "GOMEMLIMIT" in environ else {"GOMEMLIMIT": _MEMORY}


def further_arguments(config: str, store: Path) -> tuple[str, ...]:
    """Arguments that turn JetStream on, with its files below `store`, for a config that does not speak of it.

    The configs of people who come from the original are such: logged records would not outlive a restart.
    """
    without_comments = "\n".join(_COMMENT.sub("", line) for line in config.splitlines())
    return () if _JETSTREAM.search(without_comments) else ("-js", "-sd", str(store))


def listening(line: str) -> tuple[str, int] | None:
    """The address at which a line of its output says that it takes clients; None if it says nothing of it."""
    match = _LISTENING.search(line)
    if match is None:
        return None
    host = match["host"].strip("[]")
    return _LOOPBACK.get(host, host), int(match["port"])


def reload_result(line: str) -> Reload | None:
    """What a line of its output says of a reload; None if it says nothing of it."""
    return next((result for result in Reload if result.value in line), None)
