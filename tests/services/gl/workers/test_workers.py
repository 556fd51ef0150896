"""gl with two workers, as processes: it looks like one service, and survives the death of any of its processes.

`WORKER_KILLS` and `WORKER_RELOADS` set the length of the proofs; `make soak` takes the long forms.
"""

import asyncio
import json
import os
import resource
import signal
import sys
import threading

import pytest
import uvloop

from tests.services.gl.rig.gateway import Gateway, config_of, router
from tests.services.gl.rig.http_client import HttpClient
from tests.services.gl.workers.running_workers import RunningWorkers, is_running
from tests.support.nats_server import NatsServer
from tests.support.ports import free_port
from tests.support.waiting import until
from tests.system.loss_load import RecordLoad

KILLS = int(os.environ.get("WORKER_KILLS", "2"))
RELOADS = int(os.environ.get("WORKER_RELOADS", "10"))
RATE = float(os.environ.get("WORKER_RATE", "100"))  # calls a second
_IN_FLIGHT = 48  # calls that one worker may have at a time with this load


def under_load(workers, meanwhile):
    """Make calls while `meanwhile` runs in a thread. Returns what became of them."""

    async def run():
        load = RecordLoad(workers.gateway.port, RATE)
        calls = asyncio.create_task(load.run(3600))
        try:
            await asyncio.to_thread(meanwhile)
        finally:
            load.stop()
        return await calls

    return uvloop.run(run())


def all_recorded(records, complete):
    """Wait until there is a record of each complete call. No two have one id: JetStream would drop the second."""

    def missing():
        return complete - {record["transaction_id"] for record in list(records.records)}

    until(lambda: not missing(), "all records", 60)
    owners = {}
    for record, record_id in zip(list(records.records), list(records.record_ids), strict=False):
        assert owners.setdefault(record_id, record["transaction_id"]) == record["transaction_id"]


def test_one_service(workers, records):
    """One line says that it serves, one answer that it is alive; workers and their number are in a file."""
    assert workers.gateway.process.messages().count("http(s) server initialized") == 1
    assert len(workers.all_serve()) == 2
    reply = workers.gateway.call("GET", "/echo/a")
    records.record(reply.transaction)
    answers = records.ask_everybody("coburn.gl.isalive")
    assert [answer["Body"]["LastTransactionID"] for answer in answers] == [reply.transaction]


def test_session_ids_differ(workers):
    """Workers count their sessions with different numbers."""
    counts = [int(workers.gateway.call("GET", "/echo/a").transaction.split("_")[2]) for _ in range(60)]
    assert len(set(counts)) == len(counts)
    assert {count % 64 for count in counts} <= {1, 2}


def test_record_ids_differ(workers, records):
    """JetStream keeps each record: it would drop one whose id another worker has used."""
    calls = {workers.gateway.call("GET", "/echo/a").transaction for _ in range(20)}
    assert {int(one.split("_")[2]) % 64 for one in calls} == {1, 2}
    until(lambda: calls <= {record["transaction_id"] for record in list(records.records)}, "all records")
    until(lambda: len(records.record_ids) == len(records.records), "their ids")
    listed = zip(records.records, records.record_ids, strict=True)
    ids = {one for record, one in listed if record["transaction_id"] in calls}
    assert len(ids) == len(calls)


def test_connections_are_balanced(workers):
    """Connections that are opened at once and kept are divided among the workers."""
    clients = [workers.gateway.client() for _ in range(40)]
    for client in clients:
        client.ask("GET", "/echo/a")
    numbers = [int(client.reply().transaction.split("_")[2]) % 64 for client in clients]
    for client in clients:
        client.leave()
    assert min(numbers.count(1), numbers.count(2)) >= 15


@pytest.mark.timeout(120 + 20 * KILLS)
def test_a_worker_is_killed(workers, records):
    """Only the calls in flight of a killed worker fail, no record is lost, and the service is healthy throughout."""

    def kill():
        for number in range(KILLS):
            workers.kill(number % 2)

    with workers.watched() as problems:
        tally = under_load(workers, kill)
    lost = f"{tally.calls} calls, {len(tally.complete)} complete, {len(tally.broken)} broken off, {tally.failed} failed"
    sys.stdout.write(f"\n{KILLS} kills at {RATE:.0f} calls/s: {lost}, slowest {tally.slowest:.2f} s\n")
    assert not problems
    assert workers.restarts == KILLS
    assert set(tally.statuses) == {200}
    assert len(tally.broken) + tally.failed <= KILLS * _IN_FLIGHT
    assert not tally.unnamed
    all_recorded(records, tally.complete)


@pytest.mark.timeout(120 + 5 * RELOADS)
def test_reloads(workers):
    """No call fails on a reload, and after it every call has the new config, whichever worker it reaches."""
    values = workers.gateway.values

    def reload():
        for number in range(RELOADS):
            name = f"TST{number + 2:05d}"
            workers.gateway.reload(values | {"gateway_id": name})
            assert all(workers.gateway.call("GET", "/echo/a").transaction.startswith(name) for _ in range(4))

    with workers.asked() as answers:
        tally = under_load(workers, reload)
    together = sorted(answers.overlaps)
    long = sum(one > 0.1 for one in together)
    shown = f"{together[len(together) // 2] * 1000:.1f} ms, longest {together[-1] * 1000:.1f} ms, {long} over 100 ms"
    sys.stdout.write(
        f"\n{RELOADS} reloads at {RATE:.0f} calls/s: {tally.calls} calls, {tally.failed} failed, "
        f"{len(tally.broken)} broken off; two configs answered for {shown} ({answers.count} looks)\n"
    )
    assert set(tally.statuses) == {200}
    assert (len(tally.broken), tally.failed) == (0, 0)
    assert len(together) == RELOADS
    pids = workers.pids
    assert workers.restarts == 0
    assert len(pids) == 2


def test_another_port(workers):
    """Another port is bound once and served by all workers; the calls on the old one end."""
    old = workers.gateway.port
    workers.gateway.reload(workers.gateway.values | {"gl_port": free_port()})
    assert workers.gateway.port != old
    assert {workers.healthz() for _ in range(20)} == {200}
    assert workers.restarts == 0


def test_in_force_in_all_or_none(workers):
    """A config that one worker cannot prepare is in force in none: here one can open no more files."""
    pid = workers.pids[1]
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (1, before[1]))
    refused = workers.gateway.values | {"gl_port": free_port(), "session_id_header": "Other-Id"}
    workers.gateway.reload(refused, taken=False)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    lines = [entry for entry in workers.gateway.process.entries if entry["msg"] == "config not taken"]
    assert lines[-1]["reason"].startswith("worker 1: ")
    assert all(workers.gateway.call("GET", "/echo/a").values("Session-Id") for _ in range(20))
    with pytest.raises(ConnectionRefusedError):
        HttpClient(refused["gl_port"])
    workers.gateway.reload(refused)
    assert all(workers.gateway.call("GET", "/echo/a").values("Other-Id") for _ in range(20))
    assert workers.restarts == 0


def test_a_worker_dies_during_a_reload(workers):
    """Its successor begins with the config that is in force in the other worker."""
    changed = workers.gateway.values | {"session_id_header": "Other-Id"}
    killing = threading.Thread(target=workers.kill)
    killing.start()
    workers.gateway.reload(changed)
    killing.join()
    assert all(workers.gateway.call("GET", "/echo/a").values("Other-Id") for _ in range(20))


def test_a_hung_worker(workers):
    """A worker whose event loop does not go on is replaced."""
    pid = workers.pids[0]
    os.kill(pid, signal.SIGSTOP)
    workers.gateway.process.wait_for_log("worker hangs, killing it")
    until(lambda: pid not in workers.pids, "its end")
    workers.all_serve()
    assert workers.gateway.process.checksum


def test_stopped(workers, records):
    """SIGTERM for the parent: calls and records are finished, and all processes end."""
    pids = workers.pids
    tally = under_load(workers, workers.gateway.process.stop)
    assert workers.gateway.process.wait() == 0
    assert not any(map(is_running, pids))
    assert not tally.broken
    all_recorded(records, tally.complete)
    assert not list((workers.gateway.process.home / "journal" / "gl").iterdir())


def test_the_parent_is_killed(workers, records, tmp_path, stream_server):
    """kill -9 for the parent: its workers finish their calls and records, end, and the port is free for the next."""
    pids = workers.pids

    def kill():
        os.kill(workers.gateway.process.pid, signal.SIGKILL)
        until(lambda: not any(map(is_running, pids)), "the end of the workers", 60)

    tally = under_load(workers, kill)
    assert not tally.broken
    all_recorded(records, tally.complete)
    again = type(workers.gateway)(tmp_path / "gl", stream_server, workers.gateway.values)
    try:
        assert RunningWorkers(again.ready()).healthz() == 200
    finally:
        again.close()


def test_started_again_at_once(workers, tmp_path, stream_server):
    """A parent that is started while workers of a killed one finish their calls waits for the port."""
    client = workers.gateway.client()
    body = json.dumps({"model": "dummy", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}).encode()
    slow = {"Content-Type": "application/json", "X-Dummy-Chunks": "10", "X-Dummy-Chunk-Delay-Ms": "200"}
    client.ask("POST", "/dummy/v1/chat/completions", slow, body)
    client.head()
    os.kill(workers.gateway.process.pid, signal.SIGKILL)
    again = type(workers.gateway)(tmp_path / "gl", stream_server, workers.gateway.values)
    try:
        assert RunningWorkers(again.ready()).healthz() == 200
    finally:
        again.close()
        client.leave()


def test_a_port_that_is_taken(tmp_path, stream_server, workers):
    """Another gateway at the same port does not start, and says why."""
    other = type(workers.gateway)(tmp_path / "other", stream_server, workers.gateway.values)
    try:
        assert other.process.wait() == 1
        assert "cannot go on" in other.process.messages()
    finally:
        other.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bus_that_hangs_delays_no_reload(tmp_path, workers):
    """A config is in force when calls have it. What the bus has to do for it comes later, however long that takes."""
    server = NatsServer(tmp_path / "bus", jetstream=True)
    server.start()
    values = config_of(server.hostname, [router("/echo/", "http://127.0.0.1:1")], workers=workers)
    gateway = Gateway(tmp_path / "gl", server, values).ready()
    try:
        os.kill(server.pid, signal.SIGSTOP)
        gateway.reload(values | {"session_id_header": "Other-Id", "record_log": {"max_bytes": 2**29}})
        assert gateway.call("GET", "/echo/a").values("Other-Id")
        assert "record stream missing, retrying" not in gateway.process.messages()
    finally:
        os.kill(server.pid, signal.SIGCONT)
        gateway.close()
        server.kill()
