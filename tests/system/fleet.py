"""Two gateways, two token counters and a file sink on a cluster of three nats-servers."""

import asyncio
import json
import time
from contextlib import AsyncExitStack, asynccontextmanager

from gecholog.bus import Bus, BusAddress
from gecholog.bus_storage import BusStorage
from gecholog.errors import BusError
from gecholog.keyvalue import KeyValue
from gecholog.logs import Log
from gecholog.recordlog import RecordLogConfig, ask
from tests.services.gl.rig.gateway import READY, config_of, processor, router
from tests.support.ports import free_port
from tests.support.process import ServiceProcess, command_of, environment_of
from tests.support.waiting import eventually
from tests.system.loss_load import RecordLoad
from tests.system.loss_records import RecordFile

ROUTER = "/dummy/"
TOPIC = "coburn.gl.tokencounter"
STREAM = RecordLogConfig().stream
BUCKET = BusStorage().bucket("tokens")
COUNTERS = ("counter1", "counter2")

_FIELD = "total_tokens"
_NO_CAP = 10**15
_ASKED = 40  # requests through one server, after which both token counters have answered one if both are there
_LONGEST_LOAD = 3600.0  # seconds; it is stopped long before
_SETTLED_WITHIN = 90.0  # seconds


class Fleet:
    """The processes. What still runs at the end is killed by `close`."""

    def __init__(self, folder, cluster):
        self._folder = folder
        self._cluster = cluster
        self._bus_section = {"hostname": cluster.hostnames, "token": "${NATS_TOKEN}", "replicas": 3}
        self._processes = {}
        self._bus = None
        self._connections = AsyncExitStack()
        self.dummy_port = free_port()
        self.gl_ports = {}
        self.file = RecordFile(folder / "records.jsonl")

    # ------------------------------------------------------------------ processes

    async def up(self):
        """Start everything, and wait until it serves."""
        dummy = {"version": "1.0.1", "log_level": "INFO", "host": "127.0.0.1", "port": self.dummy_port}
        self._start("services.dummy", "dummy", dummy)
        for name in COUNTERS:
            self._start("processors.tokencounter", name, self._counter(_NO_CAP))
        self._start("services.nats2log", "nats2file", self._sink())
        for number in (1, 2):
            values = self._gateway(number)
            self.gl_ports[f"gl{number}"] = values["gl_port"]
            self._start("services.gl", f"gl{number}", values)
        for name, process in self._processes.items():
            ready = {"dummy": "listening for requests"}.get(name, READY if name.startswith("gl") else None)
            await process.logged(ready or "listening for messages", seconds=_SETTLED_WITHIN)
        connecting = connection(",".join(self._cluster.hostnames), self._cluster.token)
        self._bus = await self._connections.enter_async_context(connecting)
        await self.healed()

    def _start(self, module, alias, values):
        file = self._folder / f"{alias}.json"
        file.write_text(json.dumps(values), "utf-8")
        home = self._folder / alias
        environ = environment_of(home, {"NATS_TOKEN": self._cluster.token})
        self._processes[alias] = ServiceProcess(command_of(module, file, alias), alias=alias, home=home, env=environ)

    async def close(self):
        await self._connections.aclose()
        for process in self._processes.values():
            process.close()

    def messages(self, alias):
        return self._processes[alias].messages()

    @property
    def alive(self):
        return all(process.is_running for process in self._processes.values())

    # -------------------------------------------------------------------- configs

    def _gateway(self, number):
        entry = {"service_bus_topic": TOPIC, "required": False, "modifier": False}
        request = processor(
            "token_counter",
            timeout=250,
            input_fields_include=["gl_path", "ingress_method"],
            output_fields_write=["control", "control_status_code"],
            **entry | {"async": False},
        )
        response = processor(
            "token_counter",
            timeout=1000,
            input_fields_include=["gl_path", "inbound_payload"],
            output_fields_write=["token_count"],
            **entry | {"async": True},
        )
        values = config_of(
            "localhost:4222",
            [router(ROUTER, f"http://127.0.0.1:{self.dummy_port}")],
            gateway_id=f"GATEWAY{number}",
            request={"processors": [[request]]},
            response={"processors": [[response]]},
        )
        return values | {"service_bus": values["service_bus"] | self._bus_section, "log_level": "INFO"}

    def _counter(self, cap):
        pattern = {"field": _FIELD, "pattern": f"inbound_payload.usage.{_FIELD}"}
        return {
            "version": "1.0.1",
            "log_level": "INFO",
            "service_bus": self._bus_section | {"topic": TOPIC},
            "cap_period_seconds": 24 * 3600,
            "cap_status_code": 429,
            "token_caps": [{"router": ROUTER, "fields": [{"field": _FIELD, "value": cap}]}],
            "usage_fields": [{"router": "default", "patterns": [pattern]}],
        }

    def _sink(self):
        topics = {"topic": "coburn.gl.nats2file", "topic_exact_logger": "coburn.gl.logger"}
        return {
            "version": "1.0.1",
            "log_level": "INFO",
            "mode": "file_writer",
            "tls": {},
            "service_bus": self._bus_section | topics,
            "file_writer": {"filename": str(self.file.path), "write_mode": "append"},
        }

    # -------------------------------------------------------------------- the bus

    async def ask(self, call, body=None):
        """An answer of JetStream, asked until there is one."""
        async with asyncio.timeout(_SETTLED_WITHIN):
            while True:
                try:
                    return await ask(self._bus, call, body)
                except BusError:
                    await asyncio.sleep(0.1)

    async def leader(self):
        """The name of the server that leads the stream of records."""

        async def leader_named():
            return (await self.ask(f"STREAM.INFO.{STREAM}")).get("cluster", {}).get("leader")

        return await becomes(leader_named, "a leader")

    async def healed(self):
        """Wait until each server has all of the stream and of the bucket."""
        for stream in (STREAM, f"KV_{BUCKET}"):

            async def is_complete(stream=stream):
                return whole(await self.ask(f"STREAM.INFO.{stream}"))

            await becomes(is_complete, f"all of {stream} on all servers")

    # ----------------------------------------------------------------------- load

    async def load(self, rate, meanwhile):
        """Calls to both gateways, `rate` a second together, while something happens. Returns tallies."""
        loads = [RecordLoad(port, rate / len(self.gl_ports)) for port in self.gl_ports.values()]
        running = [asyncio.create_task(load.run(_LONGEST_LOAD)) for load in loads]
        try:
            await meanwhile()
        finally:
            for load in loads:
                load.stop()
        return await asyncio.gather(*running)

    async def wait_for_records(self, complete):
        """Wait until the file has the record of each of these calls, and the sink nothing more to write."""

        async def is_settled():
            await asyncio.to_thread(self.file.check)
            status = json.loads(await self._bus.request("coburn.gl.nats2file.status", b"", 2))
            return complete <= self.file.places.keys() and status["lag"] == 0 and not status["held"]

        async with asyncio.timeout(_SETTLED_WITHIN):
            quiet = 0
            while quiet < 3:
                try:
                    quiet = quiet + 1 if await is_settled() else 0
                except BusError:
                    quiet = 0
                await asyncio.sleep(0.2)

    # --------------------------------------------------------------------- counts

    async def agreed(self):
        """Wait until both token counters know exactly what they have written together; returns these tokens."""

        async def tokens_that_all_know():
            tokens = await self._written()
            return tokens if tokens >= self.file.counted and await self._all_know(tokens) else None

        tokens = await becomes(tokens_that_all_know, f"agreement on {self.file.counted} tokens or more")
        await self._cap(_NO_CAP)
        return tokens

    async def _written(self):
        """The sum of what both token counters have written."""
        entries, bucket = {}, KeyValue(self._bus, BUCKET)

        async def take(entry):
            entries[entry.key] = entry.value

        watch = await bucket.watch(take, f"{TOPIC}.{ROUTER}.*")
        try:
            await watch.caught_up()
        finally:
            await watch.close()
        uses = [json.loads(value)["uses"] for value in entries.values() if value]
        return sum(counts.get(_FIELD, 0) for parts in uses for _, counts in parts)

    async def _all_know(self, tokens):
        """Whether both token counters know of exactly this many tokens: a cap of that refuses, one more allows."""
        for cap, is_refused in ((tokens, True), (tokens + 1, False)):
            await self._cap(cap)
            if not await self._all_say(is_refused=is_refused):
                return False
        return True

    async def _cap(self, cap):
        for name in COUNTERS:
            process = self._processes[name]
            before = process.messages().count("config in force")
            (self._folder / f"{name}.json").write_text(json.dumps(self._counter(cap)), "utf-8")
            process.hang_up()
            await eventually(lambda p=process, n=before: p.messages().count("config in force") > n, "the new cap")

    async def _all_say(self, *, is_refused):
        """Whether all say so. A server asks its own clients first, so they are asked through each server."""
        request = json.dumps({"gl_path": ROUTER, "ingress_method": "POST"}).encode()
        try:
            for hostname in self._cluster.hostnames:
                async with connection(hostname, self._cluster.token) as bus:
                    answers = [await bus.request(TOPIC, request, 2) for _ in range(_ASKED)]
                if not all((b"control" in answer) is is_refused for answer in answers):
                    return False
        except BusError:
            return False
        return True


@asynccontextmanager
async def connection(hostname, token):
    """A connection to the bus; for one to a certain server, that server has to be there."""
    bus = Bus(BusAddress.of(hostname, token), "test", Log("test"))
    running = asyncio.create_task(bus.run())
    try:
        async with asyncio.timeout(_SETTLED_WITHIN):
            await bus.opened()
        yield bus
    finally:
        await bus.close()
        await asyncio.gather(running, return_exceptions=True)


async def becomes(condition, what):
    """Wait for a true value of `await condition()`, and return it."""
    end = time.monotonic() + _SETTLED_WITHIN
    while not (value := await condition()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        await asyncio.sleep(0.1)
    return value


def whole(info):
    """Whether all three servers of a stream are there and have all of it."""
    cluster = info.get("cluster", {})
    others = cluster.get("replicas") or []
    return (
        bool(cluster.get("leader"))
        and len(others) == 2
        and all(one.get("current") and not one.get("offline") for one in others)
    )
