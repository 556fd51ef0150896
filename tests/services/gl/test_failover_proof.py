"""No call fails while an upstream does, and two gateways on one bus agree on it. No processor takes part.

`FAILOVER_CALLS` is the number of calls for each way to fail; `make soak` makes more.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import count

import pytest

from gecholog.breakerstatus import BreakerStatusFile
from tests.services.gl.rig.failing import WAYS, FailingUpstream
from tests.services.gl.rig.gateway import Gateway, config_of, router
from tests.services.gl.rig.upstream import Upstream
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

CALLS = int(os.environ.get("FAILOVER_CALLS", "24"))
CLIENTS = 4
FAILURES = 5
BODY = {"messages": [{"role": "user", "content": "Hi"}]}
BREAKER = {"failures": FAILURES, "open_ms": 400}
TIMEOUTS = {"first_byte_ms": 250}

pytestmark = pytest.mark.timeout(120 + CALLS // 2)


class Service:
    """A call that goes to the upstream that fails, and to the other one if that does not respond."""

    def __init__(self, kind, way):
        self.target = f"p-{way}/m" if kind == "models" else f"/{way}/"
        self.path = "/v1/chat/completions" if kind == "models" else f"/{way}/chat/completions"
        self.body = json.dumps({"model": f"m-{way}", **BODY}).encode()
        self.fields = {"provider": f"p-{way}", "model": "m"} if kind == "models" else {"router": self.target}

    def call(self, gateway):
        return gateway.call("POST", self.path, {"Content-Type": "application/json"}, self.body)

    def lines(self, gateway, message):
        """The log lines about this target."""
        entries = gateway.process.entries
        return [one for one in entries if one["msg"] == message and self.fields.items() <= one.items()]

    def state(self, gateway):
        home = gateway.file.parent / "app"
        found = {one.target: one for one in BreakerStatusFile.of("gl", home).read()}
        return "closed" if self.target not in found else found[self.target].report()["state"]


@pytest.fixture(scope="module")
def firsts():
    """The upstreams that fail, one for each kind of router and way."""
    made = {(kind, way): FailingUpstream(way) for kind in ("models", "plain") for way in WAYS}
    yield made
    for upstream in made.values():
        upstream.stop()


@pytest.fixture(scope="module")
def gateways(tmp_path_factory, firsts):
    """Two gateways on one bus, with the same config except the port."""
    folder = tmp_path_factory.mktemp("failover")
    room = {"jetstream": {"store_dir": str(folder / "store"), "max_file_store": 2 << 30}}  # beside the record log
    server, good = NatsServer(folder / "nats", jetstream=True, settings=room), Upstream()
    server.start()
    good.behaviour = lambda talk: talk.reply(b'{"from": "second"}')
    rules = {"retries": 1, "retry_after_max_ms": 200}
    plain = [
        router(
            f"/{way}/",
            firsts["plain", way].url,
            fallbacks=["/good/"],
            breaker=BREAKER,
            timeouts=TIMEOUTS,
            fail_on=[429, "5xx"],
            **rules,
        )
        for way in WAYS
    ]
    providers = [
        {"name": f"p-{way}", "dialect": "openai", "api_key": "k", "url": firsts["models", way].url}
        | {"breaker": BREAKER, "timeouts": TIMEOUTS}
        for way in WAYS
    ]
    models = [{"name": f"m-{way}", "targets": [f"p-{way}/m", "good/m"]} for way in WAYS]
    running = []
    for name in ("one", "two"):
        values = config_of(
            server.hostname,
            [*plain, router("/good/", good.url), {"path": "/v1/", "outbound": {"models": ["*"], **rules}}],
            providers=[*providers, {"name": "good", "dialect": "openai", "api_key": "k", "url": good.url}],
            models=models,
        )
        running.append(Gateway(folder / name, server, values).ready())
    for gateway in running:
        gateway.process.wait_for_log("circuit breakers shared with other replicas")
    yield running
    for gateway in running:
        gateway.close()
    good.stop()
    server.kill()


def seconds_between(one, other):
    return (datetime.fromisoformat(other["time"]) - datetime.fromisoformat(one["time"])).total_seconds()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["models", "plain"])
def test_failover(gateways, firsts, kind, way):
    """Every call gets a response: the other upstream's while the first one fails, and the first one's afterwards.

    The circuit breaker opens, so that most calls do not wait for the first upstream; the other gateway, which made no
    call, opens its own. After a while a probe closes both.
    """
    one, two = gateways
    service, first = Service(kind, way), firsts[kind, way]
    with ThreadPoolExecutor(CLIENTS) as pool:
        replies = list(pool.map(service.call, [one] * CALLS))
    assert {reply.status for reply in replies} == {200}
    assert {reply.json()["from"] for reply in replies} == {"second"}
    (opened,) = until(lambda: service.lines(one, "circuit breaker opened"), "the breaker to open")
    assert opened["level"] == "WARN"
    probes = len(service.lines(one, "circuit breaker half-open, probing"))
    # each call that was under way when the breaker opened may have made two attempts
    assert len(first.seen) <= FAILURES + 2 * CLIENTS + 2 * probes
    until(lambda: service.state(two) in {"open", "half_open"}, "the other gateway to know")

    first.recover()
    numbers = count()

    def closed():
        reply = service.call(one)
        assert reply.status == 200
        next(numbers)
        return service.lines(one, "circuit breaker closed")

    (line,) = until(closed, "the breaker to close")
    until(lambda: service.state(one) == service.state(two) == "closed", "the other gateway to know")
    assert service.call(two).json() == {"from": "first"}

    told = service.lines(two, "circuit breaker changed by another replica")
    after = seconds_between(opened, told[0]), seconds_between(line, told[-1])
    print(  # noqa: T201 - the figures of the long form
        f"\n{kind} {way}: {CALLS} calls, 0 failed; {len(first.seen)} requests at the first upstream, {probes} probes; "
        f"{next(numbers)} calls until closed; the other gateway knew after {after[0]:.3f} and {after[1]:.3f} s"
    )
