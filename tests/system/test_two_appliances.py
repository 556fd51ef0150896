"""Two appliances on one cluster with a namespace each: nothing that one of them keeps or says reaches the other."""

import json
import shutil
import subprocess
import sys
from contextlib import ExitStack, asynccontextmanager

import aiohttp
import nats
import pytest

from tests.support.nats_cluster import NatsCluster
from tests.support.ports import free_port, with_ports
from tests.support.process import ROOT, ServiceProcess, command_of, environment_of
from tests.support.waiting import eventually

CONF, CONNECT = ROOT / "conf", ROOT / "examples" / "cluster" / "connect.py"
CHAT = {"model": "dummy", "messages": [{"role": "user", "content": "Hello"}]}
PATH = "/service/capped/v1/chat/completions"
BUCKETS = ("breakers", "keys", "quotas", "tokens")
SERVICES = {
    "tokencounter": ("processors.tokencounter", "token counts shared with other replicas"),
    "nats2file": ("services.nats2log", "consuming records"),
    "gl": ("services.gl", "http(s) server initialized"),
}


class Appliance:
    """gl, the token counter and the file sink with the shipped configs, on the bus of a cluster."""

    def __init__(self, folder, cluster, gateway_id, dummy_port, *words):
        self.gateway_id = gateway_id
        self.port = free_port()
        self._folder = folder
        self._processes = []
        self._environ = {
            "NATS_TOKEN": cluster.token,
            "NATS2FILE_LOGGER_SUBTOPIC": ".logger",
            "GECHOLOG_LISTEN": "127.0.0.1",
            "AISERVICE_API_BASE": f"http://127.0.0.1:{dummy_port}",
            "AISERVICE_API_KEY": "key",
            "GECHOLOG_API_KEY": "key",
        }
        shutil.copytree(CONF, folder / "conf")
        subprocess.run(
            [sys.executable, str(CONNECT), *words, str(folder / "conf"), gateway_id, *cluster.hostnames], check=True
        )
        for name in SERVICES:
            file = self.config(name)
            file.write_text(with_ports(file.read_text("utf-8"), {"5380": self.port, "5390": dummy_port}), "utf-8")
        values = json.loads(self.config("gl").read_text("utf-8"))
        for router in values["routers"]:
            if router["path"] == "/service/capped/":
                router["outbound"]["breaker"] = {"failures": 5}
        self.config("gl").write_text(json.dumps(values), "utf-8")

    def config(self, name):
        return self._folder / "conf" / f"{name}_config.json"

    def start(self):
        for name, (module, ready) in SERVICES.items():
            environ = environment_of(self._folder, self._environ)
            process = ServiceProcess(
                command_of(module, self.config(name), name), alias=name, home=self._folder, env=environ
            )
            self._processes.append(process)
            process.wait_for_log(ready)

    def close(self):
        for process in self._processes:
            process.close()

    async def call(self):
        """The status of a call on the capped router."""
        url = f"http://127.0.0.1:{self.port}{PATH}"
        async with aiohttp.ClientSession() as session, session.post(url, json=CHAT) as response:
            return response.status

    def recorded(self):
        """The transaction ids in the file of the sink."""
        try:
            lines = (self._folder / "log" / "gecholog.jsonl").read_text("utf-8").splitlines()
        except FileNotFoundError:
            return []
        return [json.loads(line)["transaction_id"] for line in lines]


@asynccontextmanager
async def bus_of(cluster):
    client = await nats.connect(servers=[f"nats://{name}" for name in cluster.hostnames], token=cluster.token)
    try:
        yield client
    finally:
        await client.close()


@pytest.fixture
def cluster(tmp_path):
    made = NatsCluster(tmp_path / "cluster")
    for server in made.servers:  # room for both record logs, which reserve what they may take, beside the buckets
        server.settings["jetstream"] = {"store_dir": str(server.folder / "store"), "max_file_store": 4 << 30}
    made.start()
    yield made
    made.kill()


@pytest.fixture
def appliances(tmp_path, cluster, run_service):
    port = free_port()
    dummy = {"version": "1.0.1", "log_level": "INFO", "host": "127.0.0.1", "port": port}
    run_service("services.dummy", dummy).wait_for_log("listening for requests")
    made = [
        Appliance(tmp_path / "a", cluster, "TEAMA001", port),
        Appliance(tmp_path / "b", cluster, "TEAMB001", port, "--namespace", "team_b"),
    ]
    with ExitStack() as started:
        for one in made:
            started.callback(one.close)
            one.start()
        yield made


@pytest.mark.slow
async def test_they_do_not_meet(cluster, appliances):
    """Caps, records, streams, buckets, consumers and subjects are those of one appliance each."""
    first, second = appliances
    statuses = [await first.call() for _ in range(2)]
    while statuses[-1] == 200:  # until the first has used up its cap
        statuses.append(await first.call())
    assert statuses[-1] == 429
    assert await second.call() == 200
    assert len(await eventually(lambda: second.recorded() or None, "the record")) == 1
    await eventually(lambda: len(first.recorded()) == len(statuses), "all records")
    for one in appliances:
        assert {name.partition("_")[0] for name in one.recorded()} == {one.gateway_id}

    async with bus_of(cluster) as client:
        stream = client.jetstream()
        found = {info.config.name: info.config.subjects for info in await stream.streams_info()}
        buckets = [f"{name}_{kind}" for name in ("gecholog", "team_b") for kind in BUCKETS]
        assert found == {
            "GECHOLOG": ["coburn.gl.logger"],
            "TEAM_B": ["team_b.gl.logger"],
            **{f"KV_{bucket}": [f"$KV.{bucket}.>"] for bucket in buckets},
        }
        for name, number in (("GECHOLOG", len(statuses)), ("TEAM_B", 1)):
            (consumer,) = await stream.consumers_info(name)
            assert consumer.name == "nats2file"
            assert consumer.delivered.consumer_seq == number
        for bucket, subject in (("gecholog_tokens", "coburn.gl"), ("team_b_tokens", "team_b.gl")):
            keys = await (await stream.key_value(bucket)).keys()
            assert all(key.startswith(f"{subject}.tokencounter.") for key in keys)
        for subject, one in (("coburn.gl.isalive", first), ("team_b.gl.isalive", second)):
            answers = await every_answer(client, subject)
            assert len(answers) == 1
            assert one.gateway_id.encode() in answers[0]


async def every_answer(client, subject):
    """The first answer to a question, and all others that have come when the bus has confirmed it."""
    answers, inbox = [], client.new_inbox()
    subscription = await client.subscribe(inbox)
    await client.publish(subject, b"", reply=inbox)
    answers.append((await subscription.next_msg(timeout=10)).data)
    await client.flush()
    while subscription.pending_msgs:
        answers.append((await subscription.next_msg(timeout=10)).data)
    return answers
