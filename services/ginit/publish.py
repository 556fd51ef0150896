"""Tells others what the state of the appliance is: the state file, the health of ginit, and that all have started."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gecholog.task_owner import TaskOwner
    from services.ginit.decision.state import Appliance
    from services.ginit.state_file import StateFile
    from services.ginit.throttled_log import ThrottledLog


class Publisher:
    """`started` is set once every service has had its turn. `left_out` are entries of ginit's own config."""

    def __init__(
        self, state_file: StateFile, owner: TaskOwner, throttled: ThrottledLog, left_out: Sequence[dict[str, Any]]
    ) -> None:
        self._state_file = state_file
        self._owner = owner
        self._throttled = throttled
        self.left_out = left_out
        self.started = asyncio.Event()

    def publish(self, appliance: Appliance) -> None:
        """Publish this state."""
        try:  # the reasons first: whoever finds the appliance unhealthy looks there
            self._state_file.write(appliance, self.left_out)
        except OSError as error:
            self._throttled.error("cannot write state file", "ginit", error)
        self._owner.set_healthy(healthy=appliance.healthy)
        if appliance.settled and not appliance.given_up:
            self.started.set()
