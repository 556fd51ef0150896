"""Budgets add up: gl and nats-server are killed amid calls, and each key has been charged what its records say.

`BUDGET_CALLS` is how many calls there are in each of three rounds.
"""

import asyncio
import contextlib
import json
import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice

import pytest
from nats.aio.client import Client
from nats.errors import TimeoutError as NatsTimeout

from gecholog.keys.credential import new_key
from gecholog.quota.limits import Budget, Limits
from gecholog.quota.period import Period
from tests.services.gl.rig.gateway import Gateway, config_of, router
from tests.services.gl.rig.http_client import Broken
from tests.services.gl.rig.upstream import Upstream
from tests.support.client_keys import ClientKeys
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

CALLS = int(os.environ.get("BUDGET_CALLS", "400"))
KEYS, CALLERS = 10, 8
USED = 49  # tokens of each call that is answered
ASKED = json.dumps({"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]}).encode()
LIMITS = Limits(budget=Budget(10**9, Period.TOTAL, is_tokens=True))


def whole(talk):
    talk.reply(json.dumps({"usage": {"prompt_tokens": 40, "completion_tokens": 9, "total_tokens": USED}}).encode())


def streamed(talk):
    usage = {"prompt_tokens": 40, "completion_tokens": 9, "total_tokens": USED}
    events = [{"choices": [{"index": 0, "delta": {"content": "Hi"}}]}, {"choices": [], "usage": usage}]
    talk.head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
    for event in events:
        talk.chunk(b"data: " + json.dumps(event).encode() + b"\n\n")
    talk.chunk(b"data: [DONE]\n\n")
    talk.chunk(b"")


def anthropic(talk):
    talk.reply(b'{"type":"message","usage":{"input_tokens":30,"cache_read_input_tokens":10,"output_tokens":9}}')


def failing(talk):
    talk.reply(b'{"error":{"message":"no"}}', status=500)


BEHAVIOURS = {"whole": whole, "streamed": streamed, "anthropic": anthropic, "failing": failing}


@pytest.fixture
def server(tmp_path):
    server = NatsServer(tmp_path / "bus", jetstream=True, settings={"jetstream": {"max_file_store": 2 << 30}})
    server.settings["jetstream"]["store_dir"] = str(tmp_path / "store")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def start(tmp_path, server):
    """Start gl in the same home, again and again."""
    upstream, running = Upstream(), []
    upstream.behaviour = lambda talk: BEHAVIOURS[talk.request.target.rpartition("/")[2]](talk)
    routers = [router("/plain/", upstream.url), {"path": "/v1/", "ingress": {}, "outbound": {"models": ["*"]}}]
    for one in routers:
        one["ingress"] = {"headers": {}, "keys": "required"}
    values = config_of(server.hostname, routers)

    def begin():
        running.append(Gateway(tmp_path / "gl", server, values).ready())
        return running[-1]

    yield begin
    for gateway in running:
        gateway.close()
    upstream.stop()


@pytest.mark.soak
def test_what_keys_are_charged_is_what_their_records_say(server, start):
    gateway = start()
    until(lambda: gateway.call("GET", "/v1/usage", {"Authorization": f"Bearer {new_key().text}"}).status == 401)
    bucket = ClientKeys(server)
    keys = [bucket.create(limits=LIMITS) for _ in range(KEYS)]
    for key in keys:
        until(lambda key=key: used(gateway, key) == 0)
    answered: dict[str, int] = defaultdict(int)

    def call(gateway, key, kind):
        with contextlib.suppress(OSError, Broken):  # killed
            reply = gateway.call("POST", f"/plain/{kind}", {"Authorization": f"Bearer {key.text}"}, ASKED)
            if reply.status == 200 and reply.complete:
                answered[key.id] += 1

    for number in range(3):
        with ThreadPoolExecutor(CALLERS) as pool:
            made = [
                pool.submit(call, gateway, key, kind)
                for key, kind in islice(zip(cycle(keys), cycle(BEHAVIOURS), strict=False), CALLS)
            ]
            until(lambda made=made: sum(one.done() for one in made) >= CALLS // 2)
            if number == 0:
                server.kill()
                server.start()
            else:
                gateway.process.kill()
        if number:
            gateway = start()
    sums = until(lambda: complete(recorded(server), answered), "all records")
    charged = {key.id: until(lambda key=key: used(gateway, key)) for key in keys}
    assert all(charged[key] >= sums[key] for key in charged)
    # A call in flight when gl is killed may have been charged, and then its record was not written.
    above = sum(charged.values()) - sum(sums.values())
    assert above <= 2 * CALLERS * USED
    print(f"{sum(answered.values())} answered calls, {sum(sums.values())} tokens in records, {above} charged above")  # noqa: T201


def complete(sums, answered):
    """The sums of all keys if they have all calls that were answered; None before that."""
    return sums if all(sums[key] >= calls * USED for key, calls in answered.items()) else None


def used(gateway, key):
    """The tokens that a key was charged; None while that is not known."""
    reply = gateway.call("GET", "/v1/usage", {"Authorization": f"Bearer {key.text}"})
    return reply.json()["data"][0]["budget"]["used_tokens"] if reply.status == 200 else None


def recorded(server):
    """The sum of the usage in the records of each key, from the record log. A record may come twice."""
    sums: dict[str, int] = defaultdict(int)
    for record in asyncio.run(_records(server)).values():
        sums[record["client"]["key"]] += record["usage"].get("total_tokens", 0)
    return sums


async def _records(server):
    client, found = Client(), {}
    await client.connect(f"nats://{server.hostname}", **server.login, allow_reconnect=False)
    stream = client.jetstream()
    subscription = await stream.subscribe("coburn.gl.logger", ordered_consumer=True)
    with contextlib.suppress(NatsTimeout):
        while True:
            message = await subscription.next_msg(timeout=1)
            record = json.loads(message.data)
            if record.get("client"):
                found[record["transaction_id"]] = record
    await client.close()
    return found
