"""What one config has put in force. Calls in flight finish with the generation that they began with."""

from __future__ import annotations

from dataclasses import dataclass

from gecholog.session import Sessions
from services.gl.config import Config
from services.gl.dependencies import Dependencies
from services.gl.upstream import Pool


@dataclass(frozen=True, slots=True)
class Generation:
    """A config, and what was made of it."""

    config: Config
    deps: Dependencies
    sessions: Sessions
    pool: Pool
