"""A service that does nothing but what its config says, to see the life of services from outside.

`mode` is how a start or a reload goes; `touch` is a file that is made when the step in question is reached.
"""

import asyncio
import sys
import time
from pathlib import Path

from gecholog import cli, logs
from gecholog.bus import Bus, BusAddress
from gecholog.config import ConfigSpec
from gecholog.errors import BusRefused, ConfigError, Problem
from gecholog.logs import Log
from gecholog.processor import attach

log = Log("small")

SCHEMA = {
    "type": "object",
    "required": ["version", "log_level", "mode"],
    "properties": {
        "version": {"type": "string"},
        "log_level": {"type": "string", "enum": ["DEBUG", "INFO", "WARN", "ERROR"]},
        "mode": {"type": "string", "minLength": 1},
        "touch": {"type": "string"},
        "hostname": {"type": "string"},
        "token": {"type": "string"},
        "secret": {"type": "string", "maxLength": 40, "pattern": "^[a-z]+\\Z"},
        "number": {"type": "integer"},
        "entries": {
            "type": "array",
            "minItems": 1,
            "skip_invalid_items": True,
            "entry": {"noun": "entry", "name": "name"},
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string", "minLength": 2}, "size": {"type": "integer", "maximum": 9}},
            },
        },
    },
}


class Small:
    def __init__(self, values, alias):
        self.values = values
        self.bus = None

    async def start(self, owner):
        log.info("starting to start")
        match self.values["mode"]:
            case "bus":
                self.bus = Bus(BusAddress.of(self.values["hostname"], self.values["token"]), "small", log)
                await attach(self.bus, "echo", echo)
                owner.spawn(self.bus.run(), "bus")
                await self.bus.opened()
            case "start hangs":
                touch(self.values)
                await asyncio.Event().wait()
            case "start fails":
                raise BusRefused("the bus refuses the token")
            case "start breaks":
                raise RuntimeError("a bug")
            case "task fails":
                owner.spawn(self._fail(OSError("the disk is gone")), "failing")
            case "task breaks":
                owner.spawn(self._fail(RuntimeError("a bug")), "failing")
            case "waits":
                await until_gone(self.values["touch"])
            case "leaves a task":
                owner.spawn(asyncio.sleep(3600), "sleeping")
            case "says":
                logs.protect([self.values["secret"]])
                log.info("the secret", value=self.values["secret"], inside=f"<{self.values['secret']!r}>")

    async def _fail(self, error):
        await asyncio.sleep(0)
        raise error

    async def reload(self, values):
        log.debug("a detail of the reload")
        match values["mode"]:
            case "reload fails":
                raise OSError("no such port")
            case "reload breaks":
                raise RuntimeError("a bug")
            case "reload hangs":
                touch(values)
                await asyncio.sleep(3600)
            case "reload lasts":
                touch(values)
                await until_gone(values["touch"])
        self.values = values

    async def stop(self):
        log.info("stopping to serve", mode=self.values["mode"])
        if self.bus is not None:
            await self.bus.close()
        match self.values["mode"]:
            case "stop breaks":
                raise RuntimeError("a bug")
            case "stop lasts":
                touch(self.values)
                await until_gone(self.values["touch"])


async def echo(data):
    return data


def touch(values):
    if file := values.get("touch"):
        Path(file).touch()


def wait_until_gone(file):
    while Path(file).exists():
        time.sleep(0.01)


async def until_gone(file):
    # not in a thread: it would outlast a cancelled reload
    while Path(file).exists():  # noqa: ASYNC110, ASYNC240 - a file has no event
        await asyncio.sleep(0.01)


def build(parsed):
    mode = parsed.values["mode"]
    if mode == "cannot be built":
        raise ConfigError(parsed.source, [Problem("mode", "cannot be built")])
    if mode == "build lasts":  # in a thread, when it is a reload
        Path(parsed.values["touch"]).touch()
        wait_until_gone(parsed.values["touch"])
    return parsed.values


PROGRAM = cli.Program("small", "A service for tests.", lambda: ConfigSpec(SCHEMA), build, Small, "small is up")

if __name__ == "__main__":
    sys.exit(cli.main(PROGRAM))
