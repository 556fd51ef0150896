"""How an appliance names what it keeps on the bus, and how many copies of it there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_NAMESPACE = "gecholog"


@dataclass(frozen=True, slots=True)
class BusStorage:
    """The names of streams and buckets begin with `namespace`; a cluster keeps `replicas` copies of each.

    Two appliances with different namespaces can share one account of a cluster.
    """

    namespace: str = _NAMESPACE
    replicas: int = 1

    @classmethod
    def of_section(cls, section: Mapping[str, Any]) -> BusStorage:
        """From a `service_bus` section."""
        return cls(section.get("namespace") or _NAMESPACE, section.get("replicas", 1))

    @property
    def stream(self) -> str:
        """The name of the stream of records: `GECHOLOG`."""
        return self.namespace.upper()

    def bucket(self, name: str) -> str:
        """The name of a key-value bucket: `gecholog_tokens` for `tokens`."""
        return f"{self.namespace}_{name}"
