"""The dependencies of stages: everything outside the call that they use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.gl.bodies.unpacked import UnpackedBytes
from services.gl.images.source import ImageSource, NoImages
from services.gl.keyring import Keyring
from services.gl.metrics.call_metrics import CallMetrics
from services.gl.models.ratings import Ratings
from services.gl.quota.enforcer import QuotaEnforcer
from services.gl.targets.health import TargetHealth

if TYPE_CHECKING:
    from collections.abc import Callable

    from gecholog.bus import Bus
    from services.gl.http import Upstream
    from services.gl.record.delivery.recorder import Recorder
    from services.gl.status import Status


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The bus, the upstream client, the recorder, and gl's own state.

    `observe_unrecorded` is called with the path and status of each request that is refused without a record.
    """

    bus: Bus
    upstream: Upstream
    records: Recorder
    status: Status
    observe_unrecorded: Callable[[str, int], None] = lambda _path, _status: None
    targets: TargetHealth = field(default_factory=TargetHealth)
    ratings: Ratings = field(default_factory=Ratings)
    unpacked: UnpackedBytes = field(default_factory=UnpackedBytes)
    images: ImageSource = field(default_factory=NoImages)
    quotas: QuotaEnforcer = field(default_factory=QuotaEnforcer)
    keyring: Keyring = field(default_factory=Keyring)
    metrics: CallMetrics = field(default_factory=CallMetrics)
