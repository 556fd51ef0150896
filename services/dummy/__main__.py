"""Runs the dummy as a program."""

from __future__ import annotations

import sys

from gecholog.cli import Program, main
from gecholog.logs import Log
from gecholog.task_owner import TaskOwner
from services.dummy.config import Config, build, config_spec
from services.dummy.handler import Handler
from services.dummy.http_server import HttpServer

log = Log("dummy")


class Dummy:
    """The service."""

    def __init__(self, config: Config, alias: str) -> None:
        del alias
        self._handler = Handler(config)
        self._server: HttpServer | None = None

    async def start(self, owner: TaskOwner) -> None:
        del owner
        self._server = HttpServer(self._handler)
        await _listen(self._server, self._handler.config)

    async def reload(self, config: Config) -> None:
        before = self._handler.config
        if self._server is not None and (config.host, config.port) != (before.host, before.port):
            await _listen(self._server, config)
        self._handler.config = config

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.close()


async def _listen(server: HttpServer, config: Config) -> None:
    log.info("http server initialized", address=await server.listen(config.host, config.port))


PROGRAM = Program(
    "dummy",
    "Small LLM APIs (OpenAI, Anthropic, Gemini, Ollama) for development, tests and load.",
    config_spec,
    build,
    Dummy,
    ready="listening for requests",
)

if __name__ == "__main__":
    sys.exit(main(PROGRAM))
