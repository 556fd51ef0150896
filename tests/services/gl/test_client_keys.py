"""Client keys with everything real: two gateways, a bus that goes away, a bucket that is wiped."""

import json
import shutil
from itertools import count

import pytest

from gecholog.keys.credential import new_key
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

    def begin(name="", namespace="", **keys):
        home = folder / (name or f"gl{next(_names)}")
        routers = [router("/keyed/", upstream.url), router("/open/", upstream.url)]
        routers.append({"path": "/v1/", "ingress": {}, "outbound": {"models": ["*"], "default_provider": "one"}})
        for one in (routers[0], routers[2]):
            one["ingress"]["keys"] = "required"
        more = {"keys": keys} if keys else {}
        values = config_of(server.hostname, routers, gl_port=free_port(), providers=_providers(upstream), **more)
        if namespace:
            values["service_bus"]["namespace"] = namespace
        running.append(Gateway(home, server, values).ready())
        return running[-1]

    yield begin
    for gateway in running:
        gateway.close()


def _providers(upstream):
    return [
        {
            "name": "one",
            "dialect": "openai",
            "url": upstream.url,
            "api_key": "key-of-one",
            "models": ["small", "large"],
        },
        {"name": "claude", "dialect": "anthropic", "url": upstream.url, "api_key": "key-of-claude"},
    ]


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


def test_the_first_key(start):
    """A bucket that never had a key gets it, and all gateways have it then."""
    key = new_key()
    gateway = start("first", namespace="first")
    assert status(gateway, key) == 401
    gateway.process.stop()
    (gateway.process.home / "keys" / "gl.json").unlink(missing_ok=True)
    file = gateway.process.home / "secrets" / "FIRST_KEY"
    file.parent.mkdir()
    file.write_text(key.text)
    gateway = start("first", namespace="first")
    in_force([gateway], key)
    assert key.text[-43:] not in gateway.process.output
    again = start("another", namespace="first")
    in_force([again], key)


CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
FORM = b'\r\n--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nsmall\r\n--x--\r\n'


@pytest.fixture
def limited(both, keys, upstream):
    """A key for small models and short answers."""
    upstream.reset()
    key = keys.create(
        models=("small*", "claude/*"), routers=("/keyed/", "/v1/"), max_output_tokens=50, max_body_bytes=2000
    )
    in_force(both, key, 403)  # for a request without a model
    return key


def chat(gateway, key, path, **fields):
    body = json.dumps({"messages": [{"role": "user", "content": "Hi"}]} | fields).encode()
    headers = {"Authorization": f"Bearer {key.text}", "Content-Type": "application/json"}
    return gateway.call("POST", path, headers, body)


@pytest.mark.parametrize("path", [CHAT, "/keyed/v1/chat/completions"])
def test_models_of_a_key(both, limited, upstream, path):
    """On routers with and without models alike."""
    assert chat(both[0], limited, path, model="small").status == 200
    refused = chat(both[0], limited, path, model="large")
    assert refused.status == 403
    assert b"large" in refused.body
    assert len(upstream.seen) == 1


@pytest.mark.parametrize("path", [CHAT, "/keyed/v1/chat/completions"])
def test_models_to_which_a_provider_may_turn(both, limited, upstream, path):
    """OpenRouter takes a list of them beside the model."""
    assert chat(both[0], limited, path, model="small", models=["small-1"]).status == 200
    assert chat(both[0], limited, path, model="small", models=["small-1", "large"]).status == 403
    assert len(upstream.seen) == 1


def test_a_model_in_the_path_of_a_plain_router(both, limited, upstream):
    assert chat(both[0], limited, "/keyed/v1beta/models/small-1:generateContent").status == 200
    assert chat(both[0], limited, "/keyed/v1beta/models/large:generateContent").status == 403
    assert chat(both[0], limited, "/keyed/v1beta/models/large:generateContent", model="small").status == 403
    assert json.loads(upstream.asked().body)["generationConfig"] == {"maxOutputTokens": 50}


@pytest.mark.parametrize("path", [CHAT, "/keyed/v1/chat/completions"])
@pytest.mark.parametrize("behind", [b"", FORM], ids=["alone", "before a form"])
def test_json_that_is_called_a_form(both, limited, upstream, path, behind):
    """Some servers read it all the same, and ignore what stands behind it."""
    headers = {"Authorization": f"Bearer {limited.text}", "Content-Type": "multipart/form-data; boundary=x"}
    for fields in ({"model": "large", "max_tokens": 9}, {"model": "small", "max_tokens": 900}):
        body = json.dumps({"messages": []} | fields).encode()
        assert both[0].call("POST", path, headers, body + behind).status in (400, 403)
    assert upstream.seen == []


def test_forms(both, limited, upstream):
    """They are read as such on every endpoint, also behind an empty line."""
    headers = {"Authorization": f"Bearer {limited.text}", "Content-Type": "multipart/form-data; boundary=x"}
    for body in (FORM, FORM.lstrip()):
        assert both[0].call("POST", "/keyed/v1/images/edits", headers, body).status == 200
        assert both[0].call("POST", "/keyed/v1/images/edits", headers, body.replace(b"small", b"large")).status == 403
    assert [seen.body for seen in upstream.seen] == [FORM, FORM.lstrip()]


def test_what_the_list_of_models_shows(both, keys, limited):
    every = keys.create()
    in_force(both, every)
    for key, names in ((limited, ["small"]), (every, ["small", "large"])):
        reply = both[0].call("GET", "/v1/models", {"X-Api-Key": key.text})
        assert [model["id"] for model in reply.json()["data"]] == names


def test_requests_whose_models_cannot_be_checked(both, limited):
    headers = {"Authorization": f"Bearer {limited.text}"}
    assert both[0].call("POST", "/v1/batches", headers, b"{}").status == 403
    assert both[0].call("GET", "/v1/files", headers).status == 200


@pytest.mark.parametrize("path", ["/v1/files", "/keyed/v1/files"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_body_where_none_is_usual(both, limited, upstream, path, method):
    """Some servers read it, so its model is checked as well."""
    headers = {"Authorization": f"Bearer {limited.text}", "Content-Type": "application/json"}
    assert both[0].call(method, path, headers, b'{"model":"large"}').status == 403
    assert upstream.seen == []
    assert both[0].call(method, path, headers).status == 200


@pytest.mark.parametrize("path", [CHAT, "/keyed/v1/chat/completions"])
def test_the_output_limit_of_a_key(both, limited, upstream, path):
    assert chat(both[0], limited, path, model="small").status == 200
    name = "max_completion_tokens" if path == CHAT else "max_tokens"
    assert json.loads(upstream.asked().body).get(name, json.loads(upstream.asked().body).get("max_tokens")) == 50
    assert chat(both[0], limited, path, model="small", max_tokens=9).status == 200
    assert json.loads(upstream.asked(2).body)["max_tokens"] == 9
    assert chat(both[0], limited, path, model="small", max_tokens=51).status == 400
    assert len(upstream.seen) == 2


def test_the_output_limit_in_another_dialect(both, limited, upstream):
    assert chat(both[0], limited, CHAT, model="claude/any", max_tokens=51).status == 400
    chat(both[0], limited, CHAT, model="claude/any")
    assert json.loads(upstream.asked().body)["max_tokens"] == 50


def test_the_largest_body_of_a_key(both, limited):
    assert chat(both[0], limited, CHAT, model="small", padding="x" * 2000).status == 413


def test_a_router_that_the_key_does_not_name(both, keys):
    key = keys.create(routers=("/v1/",))
    until(lambda: both[0].call("GET", "/v1/models", {"X-Api-Key": key.text}).status == 200)
    assert status(both[0], key) == 403


def test_errors_in_the_dialect_of_the_client(both, keys):
    """The SDKs of OpenAI and Anthropic raise them as what they are."""
    openai, anthropic = chat(both[0], _UNKNOWN, CHAT), chat(both[0], _UNKNOWN, MESSAGES)
    assert (openai.status, openai.json()["error"]["code"]) == (401, "invalid_api_key")
    assert openai.json()["error"]["type"] == "authentication_error"
    assert (anthropic.status, anthropic.json()["type"]) == (401, "error")
    assert anthropic.json()["error"]["type"] == "authentication_error"
