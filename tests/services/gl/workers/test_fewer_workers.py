"""gl is started again with fewer workers: what the others have left is not lost."""

import json
import os
import signal

from tests.services.gl.rig.gateway import Gateway, config_of, router
from tests.services.gl.workers.running_workers import RunningWorkers
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

ASKED = json.dumps({"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]}).encode()
ANSWER = b'{"object":"chat.completion","usage":{"prompt_tokens":40,"completion_tokens":9,"total_tokens":49}}'
THREE_WORKERS = 300  # tokens: without JetStream, each of them has a hundred, which is two calls


def status(gateway):
    return gateway.call("POST", "/v1/chat/completions", {"Content-Type": "application/json"}, ASKED).status


def test_usage_and_records(tmp_path, upstream, bus_server, shared_upstream, shared_listener):
    """Three workers are killed while the bus is away; one process takes over their records and what they have used."""
    upstream.behaviour = lambda talk: talk.reply(ANSWER)
    limits = {"budget": {"tokens": THREE_WORKERS, "period": "total"}}
    away = NatsServer(tmp_path / "bus", jetstream=False)
    away.start()
    values = config_of(
        away.hostname, [router("/v1/", shared_upstream.url) | limits, router("/free/", "http://127.0.0.1:1")]
    )
    workers = RunningWorkers(Gateway(tmp_path / "gl", away, values | {"workers": 3}).ready())
    try:
        workers.gateway.process.wait_for_log("limits are divided among workers", times=3)  # else each has the whole
        away.kill()
        free = {workers.gateway.call("GET", "/free/").transaction for _ in range(12)}
        assert {int(one.split("_")[2]) % 64 for one in free} == {1, 2, 3}
        until(lambda: [status(workers.gateway) for _ in range(12)] == [429] * 12)
        assert len(upstream.seen) == 6
        for pid in (workers.gateway.process.pid, *workers.pids):
            os.kill(pid, signal.SIGKILL)
    finally:
        workers.gateway.close()
    values["service_bus"]["hostname"] = bus_server.hostname
    again = Gateway(tmp_path / "gl", bus_server, values | {"workers": 1}).ready()
    try:
        assert status(again) == 429
        until(lambda: free <= {record["transaction_id"] for record in list(shared_listener.records)})
        assert not list((again.process.home / "quotas" / "gl").glob("worker-*"))
    finally:
        again.close()
