"""What a worker is told to prepare: a config file as its parent has read it, and the worker's share. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gecholog.config import ConfigSource
from services.gl.workers.share import Share


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """A config file, and the share of the worker."""

    source: ConfigSource
    share: Share

    def to_json(self) -> dict[str, Any]:
        """The message for the channel."""
        source = self.source
        return {
            "text": source.data.decode("utf-8"),  # a file that is not UTF-8 is not valid
            "name": source.name,
            "folder": None if source.folder is None else str(source.folder),
            "index": self.share.index,
            "count": self.share.count,
        }

    @classmethod
    def of_json(cls, value: dict[str, Any]) -> WorkerConfig:
        """The reverse of `to_json`."""
        folder = None if value["folder"] is None else Path(value["folder"])
        source = ConfigSource(value["text"].encode("utf-8"), value["name"], folder)
        return cls(source, Share(value["index"], value["count"]))
