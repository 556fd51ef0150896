"""Publishes the state of the appliance: the state file, the health of ginit, and the end of the start."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gecholog.task_owner import TaskOwner
    from services.ginit.state_file import OwnConfig, StateFile
    from services.ginit.store import StateStore
    from services.ginit.throttled_log import ThrottledLog


class StatePublisher:
    """`started` is set once the start of every service is over."""

    def __init__(
        self, store: StateStore, state_file: StateFile, owner: TaskOwner, throttled: ThrottledLog, own: OwnConfig
    ) -> None:
        self._store = store
        self._state_file = state_file
        self._owner = owner
        self._throttled = throttled
        self._own = own
        self.started = asyncio.Event()

    def publish(self) -> None:
        """Publish the state as it is now."""
        appliance = self._store.appliance
        try:  # before the health: it holds the reasons
            self._state_file.write(appliance, self._own)
        except OSError as error:
            self._throttled.error("cannot write state file", "ginit", error)
        self._owner.set_healthy(healthy=appliance.healthy)
        if appliance.startup_over and not appliance.given_up:
            self.started.set()

    def set_left_out(self, left_out: tuple[dict[str, Any], ...]) -> None:
        """From now on, publish these entries as left out of ginit's config."""
        self._own = replace(self._own, left_out=left_out)

    def set_refusal(self, reason: str) -> None:
        """Publish why ginit has refused its config file on a reload; an empty string if it has not."""
        self._own = replace(self._own, refusal=reason)
        self.publish()
