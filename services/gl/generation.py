"""What one config has put in force. Calls in flight finish with the generation that they began with."""

from __future__ import annotations

from dataclasses import dataclass

from gecholog.session import Sessions
from services.gl.config import Config
from services.gl.doors import Doors
from services.gl.upstream import Pool


@dataclass(frozen=True, slots=True)
class Generation:
    """A config, and what was made of it."""

    config: Config
    doors: Doors
    sessions: Sessions
    pool: Pool
