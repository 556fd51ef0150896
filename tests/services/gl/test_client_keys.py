"""Client keys with everything real: two gateways, a bus that goes away, a bucket that is wiped."""

import json
import shutil
from itertools import count

import pytest

from services.gl.keys.__main__ import main
from tests.services.gl.rig.gateway import Gateway, config_of, router
from tests.services.gl.rig.upstream import Upstream
from tests.support.client_keys import ClientKeys
from tests.support.nats_server import NatsServer
from tests.support.ports import free_port
from tests.support.waiting import until

MISSING = "client keys are missing from the bucket, the mirror on disk stays in force"
_names = count(1)


@pytest.fixture(scope="module")
def upstream():
    upstream = Upstream()
    yield upstream
    upstream.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A bus of this module's own, because it is stopped and loses its storage."""
    server = NatsServer(
        tmp_path_factory.mktemp("keys"), jetstream=True, settings={"jetstream": {"max_file_store": 2 << 30}}
    )
    server.settings["jetstream"]["store_dir"] = str(server.folder / "store")
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def keys(server):
    return ClientKeys(server)


@pytest.fixture(scope="module")
def start(tmp_path_factory, server, upstream):
    """Start a gateway, in a home of its own or in that of another one."""
    running = []
    folder = tmp_path_factory.mktemp("gateways")

    def begin(name="", **keys):
        home = folder / (name or f"gl{next(_names)}")
        routers = [router("/keyed/", upstream.url), router("/open/", upstream.url)]
        routers[0]["ingress"]["keys"] = "required"
        values = config_of(server.hostname, routers, gl_port=free_port(), **({"keys": keys} if keys else {}))
        running.append(Gateway(home, server, values).ready())
        return running[-1]

    yield begin
    for gateway in running:
        gateway.close()


@pytest.fixture(scope="module")
def both(start):
    """Two gateways on one bus."""
    return start("one"), start("two")


def ask(gateway, key, path="/keyed/x"):
    return gateway.call("POST", path, {"Authorization": f"Bearer {key.text}"}, b"{}")


def status(gateway, key):
    return ask(gateway, key).status


def in_force(gateways, key, wanted=200):
    until(lambda: {status(gateway, key) for gateway in gateways} == {wanted}, f"{wanted} from all gateways", 10)


@pytest.fixture
def bus_back(server, both):
    """The bus is there again after the test."""
    yield
    server.stop()
    server.start()
    for gateway in both:
        until(lambda gateway=gateway: ask(gateway, _UNKNOWN).status == 401, "the bucket being watched")


class _Unknown:
    text = "sk-gl-aaaaaaaa-" + "A" * 43
    id = "aaaaaaaa"


_UNKNOWN = _Unknown()


def test_a_key_is_valid_on_all_gateways_and_refused_on_all_when_it_is_revoked(both, keys):
    """Revocation takes effect within a second; the figure is that of the bus, well below."""
    deleted, disabled = keys.create(), keys.create()
    in_force(both, deleted)
    in_force(both, disabled)
    keys.delete(deleted)
    in_force(both, deleted, 401)
    keys.put(disabled, disabled=True)
    in_force(both, disabled, 401)


def test_an_invalid_entry_closes_its_key_alone(both, keys):
    key, other = keys.create(), keys.create()
    in_force(both, key)
    in_force(both, other)
    keys.write(f"key.{key.id}", b'{"unknown": "restriction"}')
    in_force(both, key, 503)
    assert [status(gateway, other) for gateway in both] == [200, 200]
    entry = both[0].process.wait_for_log("client key has an invalid entry, its calls are refused")
    assert entry["entry"] == f"key.{key.id}"
    keys.put(key)
    in_force(both, key)


def test_while_the_bus_is_away(both, keys, server, bus_back):
    """Known keys go on, revoked ones stay refused, and nobody is told that a key is wrong that may be new."""
    known, revoked = keys.create(), keys.create()
    in_force(both, known)
    in_force(both, revoked)
    keys.delete(revoked)
    in_force(both, revoked, 401)
    server.kill()
    in_force(both, _UNKNOWN, 503)
    for gateway in both:
        assert [status(gateway, key) for key in (known, revoked)] == [200, 401]
        assert ask(gateway, _UNKNOWN).values("Retry-After") == ["5"]


def test_restarted_while_the_bus_is_away(both, start, keys, server, bus_back):
    """A gateway starts with the mirror on disk, which only its user can read and which has no key."""
    gateway = start("restarted")
    known, revoked = keys.create(), keys.create()
    in_force([gateway], known)
    keys.delete(revoked)
    in_force([gateway], revoked, 401)
    mirror = gateway.file.parent / "app" / "keys" / "gl.json"
    until(lambda: revoked.id in json.loads(mirror.read_bytes())["deleted"], "the mirror")
    assert mirror.stat().st_mode & 0o777 == 0o600
    assert known.text[-43:] not in mirror.read_text("utf-8")
    server.kill()
    gateway.process.kill()
    gateway = start("restarted")
    assert [status(gateway, key) for key in (known, revoked, _UNKNOWN)] == [200, 401, 503]
    server.start()
    in_force([gateway], _UNKNOWN, 401)
    assert [status(gateway, key) for key in (known, revoked)] == [200, 401]


def test_an_outage_that_lasts_too_long(both, start, keys, server, bus_back):
    gateway = start(max_stale_s=1)
    key = keys.create()
    in_force([gateway], key)
    server.kill()
    in_force([gateway], key, 503)


def test_a_wiped_bus_locks_nobody_out(both, keys, server, bus_back, monkeypatch, capsys):
    """The error says what happened. What was revoked stays refused, new keys are taken, and the mirror restores all."""
    known, revoked = keys.create(), keys.create()
    in_force(both, known)
    in_force(both, revoked)
    keys.delete(revoked)
    in_force(both, revoked, 401)
    server.kill()
    shutil.rmtree(server.folder / "store")
    server.start()
    for gateway in both:
        entry = gateway.process.wait_for_log(MISSING)
        assert f"key.{known.id}" in entry["entries"] or entry["missing"] > len(entry["entries"])
        assert "import --from-mirror" in entry["remedy"]
    in_force(both, _UNKNOWN, 401)
    for gateway in both:
        assert [status(gateway, key) for key in (known, revoked)] == [200, 401]
    new = keys.create()
    in_force(both, new)
    monkeypatch.setenv("GECHOLOG_HOME", str(both[0].process.home))
    monkeypatch.setenv("NATS_TOKEN", server.token)
    assert main(["-o", str(both[0].file), "import", "--from-mirror", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["imported"] > 0
    for gateway in both:
        gateway.process.wait_for_log("client keys are in the bucket again")
        assert [status(gateway, key) for key in (known, new, revoked)] == [200, 200, 401]
