"""A prices.json is dropped beside the config of a running gateway."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from gecholog.llm.price import UNIT
from tests.services.gl.rig.gateway import router
from tests.support.process import ROOT
from tests.support.waiting import until

CHAT = {"prompt_tokens": 1_000_000, "completion_tokens": 0, "total_tokens": 1_000_000}


@pytest.fixture(scope="module")
def gateway(run_gateway, shared_upstream):
    return run_gateway([router("/mine/", shared_upstream.url, price_provider="mine")])


def cost(gateway, bus):
    reply = gateway.call("POST", "/mine/x", {"Content-Type": "application/json"}, b"{}")
    return bus.record(reply.transaction).get("cost")


def drop(gateway, content, message):
    before = gateway.process.messages().count(message)
    gateway.file.with_name("prices.json").write_text(content, "utf-8")
    until(lambda: gateway.process.messages().count(message) > before, message)


def price(**fields):
    return json.dumps({"prices": [{"provider": "mine", "model": "m*", "unit": UNIT, **fields}]})


def test_hot_drop(gateway, upstream, bus):
    """A valid file is in force without a reload; a broken one changes nothing; a removed one takes its prices away."""
    upstream.behaviour = lambda talk: talk.reply(json.dumps({"model": "m1", "usage": CHAT}).encode())
    assert cost(gateway, bus) is None
    drop(gateway, price(input="2"), "prices in force")
    first = cost(gateway, bus)
    assert first["usd"] == "2"
    drop(gateway, price(input="20000"), "prices not taken, those in force stay")
    message = "prices not taken, those in force stay"
    problem = [entry for entry in gateway.process.entries if entry["msg"] == message][-1]
    assert problem["path"] == "prices[0].input"
    assert cost(gateway, bus) == first
    drop(gateway, price(input="3"), "prices in force")
    second = cost(gateway, bus)
    assert second["usd"] == "3"
    assert second["prices"] != first["prices"]
    gateway.reload(gateway.values)
    assert cost(gateway, bus) == second
    before = gateway.process.messages().count("prices in force")
    gateway.file.with_name("prices.json").unlink()
    until(lambda: gateway.process.messages().count("prices in force") > before, "the shipped prices")
    assert cost(gateway, bus) is None


def test_a_call_has_the_prices_with_which_it_began(gateway, upstream, bus):
    """A swap drops no call, and changes no price of one."""

    def talk(conversation):
        drop(gateway, price(input="7"), "prices in force")
        conversation.reply(json.dumps({"model": "m1", "usage": CHAT}).encode())

    drop(gateway, price(input="5"), "prices in force")
    upstream.behaviour = talk
    assert cost(gateway, bus)["usd"] == "5"
    upstream.behaviour = lambda conversation: conversation.reply(json.dumps({"model": "m1", "usage": CHAT}).encode())
    assert cost(gateway, bus)["usd"] == "7"


def test_swaps_while_calls_run(gateway, upstream, bus):
    """Every call has a cost, and it is the one of the prices whose version the record names."""
    upstream.behaviour = lambda talk: talk.reply(json.dumps({"model": "m1", "usage": CHAT}).encode())
    by_version, over = {}, Event()

    def swap(usd):
        drop(gateway, price(input=usd), "prices in force")
        by_version[[one for one in gateway.process.entries if one["msg"] == "prices in force"][-1]["version"]] = usd

    def call_on():
        answered = []
        while not over.is_set():
            answered.append(gateway.call("POST", "/mine/x", {"Content-Type": "application/json"}, b"{}").transaction)
        return answered

    swap("11")
    with ThreadPoolExecutor(4) as pool:
        callers = [pool.submit(call_on) for _ in range(4)]
        try:
            swap("12")
            gateway.reload(gateway.values)
            swap("13")
            last = cost(gateway, bus)
        finally:
            over.set()
        costs = [last, *(bus.record(one)["cost"] for caller in callers for one in caller.result())]
    assert {one["usd"] for one in costs} == {"11", "12", "13"}
    assert all(by_version[one["prices"]] == one["usd"] for one in costs)


@pytest.mark.parametrize(("content", "code"), [(price(input="2"), 0), (price(input="dear"), 1)])
def test_validate(tmp_path, content, code):
    """The program says whether a file would be taken, and which field is wrong."""
    file = tmp_path / "prices.json"
    file.write_text(content, "utf-8")
    command = [sys.executable, "-m", "services.gl.prices", "-o", str(file), "--validate"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert ("prices[0].input" in done.stdout) == bool(code)
