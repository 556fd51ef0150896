"""The draft of a config file, and how it relates to the file that is deployed and to the config in force. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """Where a draft is. The words are those of the original."""

    IN_PRODUCTION = "Deployed and in Production"
    NOT_IN_PRODUCTION = "Deployed but not in Production"
    NOT_DEPLOYED = "In Production but not Deployed"
    STAGED = "Staged"
    DEPLOYED = "Deployed"
    """Deployed, where the service does not report what is in force."""
    REJECTED = "Rejected"
    """Deployed, and refused by the service, which goes on with what was in force before."""


class Phase(StrEnum):
    """How far a deployed file is on its way into force."""

    IN_FORCE = "in force"
    PENDING = "pending"
    REJECTED = "rejected"
    NOT_RUNNING = "not running"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a draft comes from: the checksum of the deployed file when it began, who changed it last and when."""

    base: str = ""
    user: str = ""
    time: float = 0.0

    @classmethod
    def from_json(cls, value: Any) -> Origin:
        """What `as_json` wrote; an empty one for anything else."""
        found = value if isinstance(value, dict) else {}
        base, user, time = found.get("base"), found.get("user"), found.get("time")
        return cls(
            base if isinstance(base, str) else "",
            user if isinstance(user, str) else "",
            float(time) if isinstance(time, int | float) else 0.0,
        )

    @property
    def as_json(self) -> dict[str, Any]:
        return {"base": self.base, "user": self.user, "time": self.time}


@dataclass(frozen=True, slots=True)
class Activation:
    """How far the deployed file is on its way into force, and why it is not if the service has refused it."""

    phase: Phase
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DraftState:
    """What is in the files. `deployed` is None if the production file is missing or cannot be read.

    `in_force` is the checksum that the running service reports; None if it reports none. `is_edited`: the draft was
    changed since it was begun or deployed.
    """

    data: bytes
    deployed: bytes | None
    in_force: str | None
    activation: Activation
    origin: Origin
    is_edited: bool
    reports_checksum: bool = True

    @property
    def sha256(self) -> str:
        return checksum(self.data)

    @property
    def deployed_sha256(self) -> str | None:
        return None if self.deployed is None else checksum(self.deployed)

    @property
    def is_deployed(self) -> bool:
        """Whether the draft is the same as the production file."""
        return self.sha256 == self.deployed_sha256

    @property
    def is_outdated(self) -> bool:
        """Whether the production file was changed, not by a deployment, since the draft was begun."""
        return self.is_edited and bool(self.origin.base) and self.deployed_sha256 not in {self.origin.base, self.sha256}

    @property
    def status(self) -> Status:
        if not self.reports_checksum:
            return Status.DEPLOYED if self.is_deployed else Status.STAGED
        if self.is_deployed and self.activation.phase is Phase.REJECTED:
            return Status.REJECTED
        in_force = self.sha256 == self.in_force
        if self.is_deployed:
            return Status.IN_PRODUCTION if in_force else Status.NOT_IN_PRODUCTION
        return Status.NOT_DEPLOYED if in_force else Status.STAGED


def checksum(data: bytes) -> str:
    """SHA-256 in hex, as in checksum files."""
    return hashlib.sha256(data).hexdigest()


def activation(deployed: str | None, in_force: str | None, state: Mapping[str, Any], service: str) -> Activation:
    """How far a deployed file is. `state` is what ginit has written to `run/state.json`; empty if ginit is not running.

    `deployed` and `in_force` are the checksums of the file and of the running service.
    """
    if deployed is not None and deployed == in_force:
        return Activation(Phase.IN_FORCE)
    entries = [entry for entry in _list(state, "services") if entry.get("name") == service]
    for refused in _list(state, "refused"):
        if refused.get("service") == service and refused.get("sha256") in {None, deployed}:
            return Activation(Phase.REJECTED, str(refused.get("reason") or "the service has refused it"))
    if not state:
        return Activation(Phase.NOT_RUNNING, "the appliance is not running, so nobody applies the file")
    if not entries:
        return Activation(Phase.NOT_RUNNING, f"ginit_config.json has no service {service}")
    return Activation(Phase.PENDING, str(entries[0].get("reason") or ""))


def _list(state: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = state.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
