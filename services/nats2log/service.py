"""Starts, reloads and stops a sink."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gecholog import logs
from gecholog.logs import Log
from gecholog.service import connect_bus, replacing_bus
from gecholog.task_owner import TaskOwner
from services.nats2log.config import Config, FileWriter
from services.nats2log.consume import consumer_name
from services.nats2log.counters import SinkCounters
from services.nats2log.deadletter import DeadLetterFile
from services.nats2log.pipeline import SharedState, SinkPipeline
from services.nats2log.sinks.file import FileSink
from services.nats2log.sinks.sink import Sink, make

if TYPE_CHECKING:
    from pathlib import Path

log = Log("nats2log")


class Nats2Log:
    """One sink and the pipeline that feeds it."""

    def __init__(self, config: Config, alias: str, home: Path) -> None:
        logs.protect(config.secrets)
        self._config = config
        self._alias = alias
        self._shared = SharedState(DeadLetterFile(home, consumer_name(alias)), SinkCounters())
        self._sink = make(config)
        self._pipeline: SinkPipeline | None = None
        self._owner = TaskOwner()

    async def start(self, owner: TaskOwner) -> None:
        self._owner = owner
        await self._sink.open()
        self._pipeline = SinkPipeline(self._config, self._alias, self._sink, self._shared)
        owner.off = self._config.source.is_off
        if owner.off:
            subject = self._config.source.subject
            log.info("sink is off: its logger topic is a parent of its own topic", subject=subject)
        await connect_bus(owner, self._pipeline.bus)
        await self._pipeline.begin(owner)

    async def reload(self, config: Config) -> None:
        logs.protect(config.secrets)
        pipeline = self._pipeline_for(config)
        async with replacing_bus(self._owner, pipeline.bus if pipeline else None):
            sink = await self._sink_for(config)
        await self._exchange(config, sink, pipeline)

    async def stop(self) -> None:
        if self._pipeline is not None:
            await self._pipeline.end()
        await self._sink.close()

    async def _sink_for(self, config: Config) -> Sink:
        """Return the open sink for `config`: the current one if its settings have not changed."""
        old = self._config
        if (config.mode, config.writer, config.tls) == (old.mode, old.writer, old.tls):
            return self._sink
        sink = make(_going_on(config, old, self._sink))
        await sink.open()
        return sink

    def _pipeline_for(self, config: Config) -> SinkPipeline | None:
        """Return a new pipeline if `config` has another source. None if the current one can stay."""
        if self._pipeline is not None and config.source == self._pipeline.source_config:
            return None
        return SinkPipeline(config, self._alias, self._sink, self._shared)

    async def _exchange(self, config: Config, sink: Sink, pipeline: SinkPipeline | None) -> None:
        """Put the new config in force. Nothing may fail from here on."""
        old_pipeline, old_sink = self._pipeline, self._sink
        self._config, self._sink = config, sink
        self._owner.off = config.source.is_off
        if pipeline is None:
            if old_pipeline is not None:
                old_pipeline.swap(config, sink)
            return
        self._pipeline = pipeline
        pipeline.swap(config, sink)
        if old_pipeline is not None:
            await old_pipeline.end()
        if old_sink is not sink:
            await old_sink.close()
        await pipeline.begin(self._owner)


def _going_on(config: Config, old: Config, sink: Sink) -> Config:
    """Keep writing to the open file if only other fields have changed: do not truncate it or start a new one."""
    writer, before = config.writer, old.writer
    if not (isinstance(writer, FileWriter) and isinstance(before, FileWriter) and isinstance(sink, FileSink)):
        return config
    if (writer.filename, writer.write_mode) != (before.filename, before.write_mode):
        return config
    return replace(config, writer=replace(writer, write_mode="append", filename=sink.path))
