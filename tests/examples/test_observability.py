"""The dashboards and alerts of examples/observability, with a real Prometheus that scrapes a loaded gateway.

The gateway has two workers, and a sink. Every expression of the dashboards evaluates to data, and what Prometheus has
scraped equals the sums of the records, and those of the ledger.
"""

import asyncio
import json
import re
import shutil
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request

import pytest

from gecholog.ledger import queries
from gecholog.ledger.database import open_reader
from gecholog.ledger.filters import CallFilter, Dimension, TimeRange
from gecholog.ledger.location import locate
from gecholog.ledger.money import PICO
from tests.services.gl.rig.bus import Listener, says
from tests.services.gl.rig.gateway import READY, Gateway, config_of, processor
from tests.services.gl.rig.upstream import Upstream
from tests.support.metrics import of_records
from tests.support.nats_server import NatsServer
from tests.support.pages import ROOT
from tests.support.ports import free_port
from tests.support.process import ServiceProcess, command_of, environment_of
from tests.support.waiting import until

FOLDER = ROOT / "examples" / "observability"
DASHBOARDS = sorted((FOLDER / "grafana" / "dashboards").glob("*.json"))
MODEL = "gpt-4o-mini"
# Grafana puts these in; the windows fit the interval of the scrapes here, and the length of a test.
VARIABLES = {"$__rate_interval": "1m", "$__range": "5m"}
PATIENCE = 120  # seconds for the start of a service: three Pythons and a Prometheus start at once
JSON = {"Content-Type": "application/json"}

pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.skipif(
        shutil.which("prometheus") is None or shutil.which("promtool") is None,
        reason="prometheus and promtool are not installed (Debian: apt install prometheus)",
    ),
]


def expressions(dashboard) -> list[tuple[str, str]]:
    """The title of each panel with each of its expressions."""
    panels = json.loads(dashboard.read_text("utf-8"))["panels"]
    return [(panel["title"], target["expr"]) for panel in panels for target in panel.get("targets", ())]


def answer(talk):
    """A provider that answers, streams, or is down."""
    asked = json.loads(talk.request.body)
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    if asked["model"] == "down":
        talk.reply(b'{"error":{"message":"down"}}', 503)
    elif asked.get("stream"):
        talk.head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        choice = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}
        event = {"id": "c", "object": "chat.completion.chunk", "model": MODEL, "choices": [choice], "usage": usage}
        talk.chunk(b"data: %b\n\ndata: [DONE]\n\n" % json.dumps(event).encode())
        talk.chunk(b"")
    else:
        said = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}
        body = {"id": "c", "object": "chat.completion", "model": MODEL, "choices": [said], "usage": usage}
        talk.reply(json.dumps(body).encode())


class Prometheus:
    """A Prometheus that scrapes one target every second."""

    def __init__(self, folder, target: int) -> None:
        self.port = free_port()
        config = f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{FOLDER}/prometheus/alerts.yml"]
scrape_configs:
  - job_name: gecholog
    static_configs: [{{targets: ["127.0.0.1:{target}"]}}]
"""
        (folder / "prometheus.yml").write_text(config, "utf-8")
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={folder}/prometheus.yml",
                    f"--storage.tsdb.path={folder}/data",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                ],
                stdout=log,
                stderr=log,
            )

    def ask(self, path: str, **query: str):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as response:
                return json.load(response)["data"]
        except urllib.error.HTTPError as error:
            if error.code == 503:  # it is starting
                return None
            raise AssertionError(error.read()) from error
        except OSError:
            return None

    def value(self, expression: str):
        """The samples of an expression at this moment."""
        for name, window in VARIABLES.items():
            expression = expression.replace(name, window)
        found = self.ask("query", query=expression)
        return None if found is None else found["result"]

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="module")
def appliance(tmp_path_factory):
    """A gateway with two workers, its bus, a provider, a processor, and the ledger as a sink."""
    folder = tmp_path_factory.mktemp("appliance")
    server = NatsServer(folder / "bus", jetstream=True)
    server.start()
    listener, upstream = Listener(server), Upstream()
    listener.scripts["processor.tagger"] = says(tag=1)
    upstream.behaviour = answer
    provider = {"name": "main", "dialect": "openai", "profile": "openai", "url": f"{upstream.url}/v1", "api_key": "k"}
    values = config_of(
        server.hostname,
        [
            {"path": "/v1/", "ingress": {"headers": {}}, "outbound": {"models": ["*"]}},
            {"path": "/few/", "ingress": {"headers": {}}, "outbound": {"models": ["*"]}, "quotas": {"rpm": 1}},
        ],
        providers=[provider | {"models": [MODEL, "down"], "breaker": {"failures": 2, "open_ms": 600_000}}],
        models=[{"name": "pair", "targets": ["main/down", f"main/{MODEL}"]}],
        request={"processors": [[processor("tagger", input_fields_include=["gl_path"])]]},
        budget={"tokens": 1_000_000, "period": "month"},  # one in USD would leave out the model without a price
        admin_port=free_port(),
        workers=2,
        record_log={"max_bytes": 64 * 1024 * 1024},
    )
    gateway = Gateway(folder / "gl", server, values)
    gateway.process.wait_for_log(READY, seconds=PATIENCE)
    sink = _sink(folder / "sink", server, f"sqlite://{folder}/ledger.db")
    yield gateway, listener, locate(f"sqlite://{folder}/ledger.db")
    for part in (sink, gateway):
        part.close()
    upstream.stop()
    listener.stop()
    server.kill()


def _sink(folder, server, url) -> ServiceProcess:
    folder.mkdir()
    bus = {"hostname": server.hostname, "topic": "coburn.gl.nats2ledger", "token": server.token}
    config = {
        "version": "1.0.1",
        "log_level": "INFO",
        "mode": "sql_writer",
        "tls": {},
        "service_bus": bus | {"topic_exact_logger": "coburn.gl.logger"},
        "sql_writer": {"url": url},
    }
    file = folder / "nats2ledger_config.json"
    file.write_text(json.dumps(config), "utf-8")
    home = folder / "app"
    command = command_of("services.nats2log", file, "nats2ledger")
    sink = ServiceProcess(command, alias="nats2ledger", home=home, env=environment_of(home, {}))
    sink.wait_for_log("listening for messages", seconds=PATIENCE)
    return sink


@pytest.fixture(scope="module")
def prometheus(appliance, tmp_path_factory):
    gateway, _, _ = appliance
    found = Prometheus(tmp_path_factory.mktemp("prometheus"), gateway.values["admin_port"])
    yield found
    found.stop()


def _load(gateway, calls: int) -> int:
    """Calls from several connections, so that both workers have some. Returns how many were made."""

    def ask(number: int) -> None:
        for index in range(calls):
            model = "pair" if index % 3 == 0 else MODEL
            body = {"model": model, "stream": index % 2 == 0, "messages": [{"role": "user", "content": f"{number}"}]}
            gateway.call("POST", "/v1/chat/completions", JSON, json.dumps(body).encode())

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    few = json.dumps({"model": MODEL, "messages": []}).encode()
    statuses = [gateway.call("POST", "/few/chat/completions", JSON, few).status for _ in range(3)]
    assert 429 in statuses
    down = json.dumps({"model": "main/down", "messages": []}).encode()
    assert gateway.call("POST", "/v1/chat/completions", JSON, down).status == 503
    return 4 * calls + 4


def test_real_prometheus(appliance, prometheus):
    """What Prometheus has scraped from both workers equals the sums of the records, and every panel has data."""
    gateway, listener, location = appliance
    until(lambda: prometheus.value("gecholog_workers"), "a first scrape")
    made = _load(gateway, 9)
    until(lambda: prometheus.value(f"sum(gecholog_requests_total) >= {made}"), "the calls of the first load")
    made += _load(gateway, 9)
    until(lambda: len(listener.records) == made, "the records")
    until(lambda: prometheus.value(f"sum(gecholog_requests_total) == {made}"), "all calls")
    differing = {}
    for (name, labels), expected in of_records(listener.records).items():
        selector = ",".join(f"{label}={json.dumps(value)}" for label, value in labels)
        samples = prometheus.value(f"{name}{{{selector}}}")
        found = float(samples[0]["value"][1]) if samples else None
        if found != expected:
            differing[name, labels] = (found, expected)
    assert differing == {}
    for expression, found in asyncio.run(_of_ledger(location, made)).items():
        samples = prometheus.value(expression)
        scraped = {tuple(one["metric"].values()): float(one["value"][1]) for one in samples}
        assert {key: value for key, value in scraped.items() if value} == {
            key: value for key, value in found.items() if value
        }, expression
    assert prometheus.value("sum(gecholog_workers)")[0]["value"][1] == "2"
    until(lambda: prometheus.value("gecholog_sink_delivered_total > 0"), "an answer of the sink")
    until(lambda: prometheus.value("gecholog_breaker_state == 2"), "an open circuit breaker")
    for dashboard in DASHBOARDS:
        for title, expression in expressions(dashboard):
            until(lambda e=expression: prometheus.value(e), f"data for {title}: {expression}")


async def _of_ledger(location, calls):
    """What the ledger has for an expression, by the values of its labels in the order of their names."""
    ever, found = CallFilter(TimeRange(0, 4 * 10**15)), {}
    async with open_reader(location) as ledger, asyncio.timeout(60):
        while (total := await queries.totals(ledger, ever)).calls < calls:  # noqa: ASYNC110 - the sink is behind
            await asyncio.sleep(0.1)
        for label, by in (("router", Dimension.ROUTER), ("model", Dimension.MODEL), ("status", Dimension.STATUS)):
            groups = await queries.top(ledger, ever, by, limit=100)
            found[f"sum by ({label}) (gecholog_requests_total)"] = {_labels(one): one.totals.calls for one in groups}
        for kind in ("prompt", "completion", "total"):
            found[f"sum(llm_gateway_{kind}_tokens_total)"] = {(): getattr(total, f"{kind}_tokens")}
        groups = await queries.top(ledger, ever, Dimension.MODEL, limit=100)
        costs = {_labels(one): one.totals.cost_pico - one.totals.extra_cost_pico for one in groups}
        found["sum by (model) (gecholog_cost_usd_total)"] = {key: cost / PICO for key, cost in costs.items()}
        latencies = await queries.latency(ledger, ever)
        found["sum(gecholog_request_duration_seconds_count)"] = {(): sum(one.calls for one in latencies)}
    return found


def _labels(group):
    return (group.key,) if group.key else ()  # Prometheus has no empty labels


def test_alerts(prometheus):
    """Prometheus has loaded the alerts, and evaluates each of them without an error."""
    groups = until(lambda: _evaluated(prometheus), "an evaluation of all alerts")
    rules = {rule["name"]: rule for group in groups for rule in group["rules"]}
    assert {"GatewayDown", "GatewayErrorRatio", "BudgetNearlyUsed", "SinkLagging", "DeadLetters"} <= set(rules)
    assert {"JournalGrowing", "CircuitBreakerOpen"} <= set(rules)
    assert {name: rule["health"] for name, rule in rules.items() if rule["health"] != "ok"} == {}


def _evaluated(prometheus):
    groups = (prometheus.ask("rules") or {}).get("groups", [])
    rules = [rule for group in groups for rule in group["rules"]]
    return groups if rules and all(rule["health"] != "unknown" for rule in rules) else None


def test_rules_and_config():
    """promtool accepts the alerts and the config of the example."""
    for what, file in (("rules", "alerts.yml"), ("config", "prometheus.yml")):
        command = ["promtool", "check", what, str(FOLDER / "prometheus" / file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_dashboards():
    """The dashboard of llm-gateway keeps its id, title and panels, and has the bar chart that its README promises."""
    seed = json.loads((FOLDER / "grafana" / "dashboards" / "llm-gateway-token-usage.json").read_text("utf-8"))
    assert (seed["uid"], seed["title"]) == ("llm-gateway-token-usage", "LLM Gateway Token Usage")
    assert [panel["type"] for panel in seed["panels"]] == ["timeseries"] * 4 + ["barchart"]
    for dashboard in DASHBOARDS:
        panels = json.loads(dashboard.read_text("utf-8"))["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        for _, expression in expressions(dashboard):
            assert set(re.findall(r"\$\w+", expression)) <= set(VARIABLES)
