"""Which calls a view shows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from services.gui.live.record import CallSummary

_CLASSES = {"ok": range(400), "error": range(400, 1000), "4xx": range(400, 500), "5xx": range(500, 600)}


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Texts that the fields of a call must contain; empty for any.

    `status` is a number or `ok`, `error`, `4xx`, `5xx`.
    """

    router: str = ""
    model: str = ""
    client: str = ""
    status: str = ""

    @classmethod
    def of(cls, query: Mapping[str, Any]) -> CallFilter:
        """From the query of an address."""
        return cls(**{field.name: str(query.get(field.name, "")).strip()[:200] for field in fields(cls)})

    @property
    def query(self) -> dict[str, str]:
        """The filter as the query of an address."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name))}

    def fits(self, call: CallSummary) -> bool:
        """Tell whether a call is wanted."""
        return (
            self.router in call.router
            and self.model.lower() in call.model.lower()
            and self.client.lower() in call.client.lower()
            and self._fits_status(call.status)
        )

    def _fits_status(self, status: int) -> bool:
        if not self.status:
            return True
        return status in _CLASSES[self.status] if self.status in _CLASSES else str(status) == self.status
