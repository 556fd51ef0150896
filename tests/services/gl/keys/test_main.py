"""The command for client keys, with a real bus."""

import json

import pytest

from gecholog.keys import Rejection
from gecholog.keys.credential import id_of, new_key
from gecholog.keys.state import KeyState
from services.gl.keys.__main__ import main
from tests.services.gl.rig.gateway import config_of, router
from tests.support.nats_server import NatsServer
from tests.support.ports import free_port

NOW = 1_800_000_000.0


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = NatsServer(tmp_path_factory.mktemp("bus"), jetstream=True)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("GECHOLOG_HOME", str(tmp_path))
    monkeypatch.delenv("NATS_TOKEN", raising=False)
    (tmp_path / "conf").mkdir()
    (tmp_path / "secrets").mkdir()
    return tmp_path


@pytest.fixture
def keys(home, server, capsys, request):
    """Runs the command, with a bucket for this test alone; returns the exit code, and what it printed."""
    values = config_of(server.hostname, [router("/a/", "https://target")])
    values["service_bus"]["namespace"] = f"test_{abs(hash(request.node.name))}"
    (home / "conf" / "gl_config.json").write_text(json.dumps(values))
    (home / "secrets" / "NATS_TOKEN").write_text(server.token)

    def run(*arguments):
        try:
            code = main(arguments)
        except SystemExit as error:
            code = error.code
        captured = capsys.readouterr()
        return code, captured.out if code == 0 else captured.err

    return run


def made(keys, *arguments):
    code, text = keys(*arguments, "--json")
    assert code == 0, text
    return json.loads(text)


def snapshot(keys):
    """What a gateway would have in force."""
    state = KeyState()
    exported = made(keys, "export")
    for one in exported["keys"]:
        state.apply(f"key.{one['id']}", json.dumps(one).encode())
    for one in exported["owners"]:
        state.apply(f"owner.{one['name']}", json.dumps(one).encode())
    return state.snapshot()


def test_a_key_that_is_made_is_valid(keys):
    options = ["--owner", "team", "--model", "gpt-4o*", "--router", "/v1/", "--rpm", "60", "--budget", "20.50/month"]
    key = made(keys, "create", "--name", "ci", "--tag", "a", "--tag", "b", *options, "--max-output-tokens", "100")
    assert id_of(key["secret"]) == key["id"]
    entry = snapshot(keys).find(key["secret"], NOW)
    assert (entry.name, entry.owner, entry.tags) == ("ci", "team", ("a", "b"))
    assert (entry.models, entry.routers, entry.max_output_tokens) == (("gpt-4o*",), ("/v1/",), 100)
    assert entry.limits.quotas.rpm == 60
    assert entry.limits.budget.as_json() == {"usd": "20.5", "period": "month"}


def test_lists_are_shown_as_texts(keys):
    """Not in Python's notation."""
    _, text = keys("create", "--name", "ci", "--model", "gpt-4o*", "--model", "dummy", "--router", "/v1/", "--tag", "a")
    values = dict(line.split(maxsplit=1) for line in text.splitlines())
    assert (values["models"], values["routers"], values["tags"]) == ("gpt-4o*, dummy", "/v1/", "a")


def test_the_secret_is_shown_once(keys):
    code, text = keys("create", "--name", "ci")
    assert code == 0
    secret = next(word for word in text.split() if word.startswith("sk-gl-"))
    for command in (["list"], ["show", "ci"], ["export"], ["list", "--json"], ["disable", "ci"]):
        code, text = keys(*command)
        assert code == 0
        assert id_of(secret) in text
        assert secret[-43:] not in text
    assert "hash" not in keys("show", "ci")[1]


def test_the_list_shows_limits(keys):
    made(keys, "create", "--name", "ci", "--budget", "20/month", "--rpm", "60")
    line = keys("list")[1].splitlines()[1]
    assert line.endswith("usd 20, period month  rpm 60")


def test_a_key_by_its_id_or_name(keys):
    first = made(keys, "create", "--name", "same")
    made(keys, "create", "--name", "same")
    assert made(keys, "show", first["id"])["id"] == first["id"]
    code, text = keys("show", "same")
    assert (code, first["id"] in text, "several keys have this name" in text) == (1, True, True)
    assert keys("show", "other") == (1, "error: there is no key other\n")


def test_a_key_that_is_disabled_or_deleted_is_refused(keys):
    key = made(keys, "create", "--name", "ci")
    made(keys, "disable", "ci")
    assert snapshot(keys).find(key["secret"], NOW) is Rejection.REFUSED
    made(keys, "enable", "ci")
    assert snapshot(keys).find(key["secret"], NOW).id == key["id"]
    made(keys, "delete", "ci")
    assert snapshot(keys).keys == {}
    code, text = keys("delete", key["id"])  # it may be in force in a mirror
    assert (code, "in case a mirror has it" in text) == (0, True)


def test_a_rotated_key(keys):
    key = made(keys, "create", "--name", "ci", "--rpm", "5")
    rotated = made(keys, "rotate", "ci", "--grace", "9999w")
    assert rotated["id"] == key["id"]
    found = [snapshot(keys).find(one["secret"], NOW) for one in (key, rotated)]
    assert [one.limits.quotas.rpm for one in found] == [5, 5]
    again = made(keys, "rotate", "ci", "--grace", "0s")
    secrets = [one["secret"] for one in (key, rotated, again)]
    found = [snapshot(keys).find(secret, NOW) for secret in secrets]
    assert found[:2] == [Rejection.REFUSED, Rejection.REFUSED]
    assert found[2].id == key["id"]


def test_a_key_is_changed_in_one_point(keys):
    made(keys, "create", "--name", "ci", "--rpm", "5", "--tpm", "9")
    assert made(keys, "set", "ci", "--rpm", "7", "--expires", "2027-01-31")["quotas"] == {"rpm": 7, "tpm": 9}
    assert made(keys, "show", "ci")["expires"] == "2027-01-31T00:00:00Z"


def test_limits_are_removed(keys):
    """What is cleared is as for a key that never had it; the rest stays."""
    limits = ("--rpm", "5", "--tpm", "9", "--budget", "20/month", "--model", "a*", "--expires", "90d", "--tag", "x")
    key = made(keys, "create", "--name", "ci", *limits, "--no-payloads", "--allow-unpriced", "--owner", "team")
    cleared = ("rpm", "budget", "model", "expires", "tag", "no-payloads", "allow-unpriced", "owner")
    options = [argument for name in cleared for argument in ("--clear", name)]
    changed = made(keys, "set", "ci", *options, "--concurrency", "3")
    plain = made(keys, "create", "--name", "ci", "--tpm", "9", "--concurrency", "3")
    own = ("id", "secret", "created")
    assert {name: value for name, value in changed.items() if name not in own} == {
        name: value for name, value in plain.items() if name not in own
    }
    assert changed["id"] == key["id"]
    made(keys, "owner", "set", "team", "--rpm", "5", "--budget", "20/month")
    assert made(keys, "owner", "set", "team", "--clear", "budget")["quotas"] == {"rpm": 5}
    assert "invalid choice" in keys("owner", "set", "team", "--clear", "router")[1]


def test_owners(keys):
    assert made(keys, "owner", "set", "a team", "--budget", "500/month")["name"] == "a team"
    changed = made(keys, "owner", "set", "a team", "--rpm", "10")
    assert (changed["budget"], changed["quotas"]) == ({"usd": "500", "period": "month"}, {"rpm": 10})
    assert snapshot(keys).owners["a team"].limits.quotas.rpm == 10
    assert "a team" in keys("owner", "list")[1]
    made(keys, "owner", "delete", "a team")
    assert made(keys, "owner", "list") == []


def test_import_and_export(keys, home):
    """An export restores everything. Secrets that clients have already are imported by their hash."""
    key = made(keys, "create", "--name", "ci")
    exported = made(keys, "export")
    ours = new_key().text
    exported["keys"] += [{"name": "theirs", "secret": "sk-of-another-gateway"}, {"name": "ours", "secret": ours}]
    file = home / "keys-to-import.json"
    file.write_text(json.dumps(exported))
    assert made(keys, "import", str(file)) == {"imported": 2, "skipped": 1}
    found = [snapshot(keys).find(one, NOW).name for one in (key["secret"], "sk-of-another-gateway", ours)]
    assert found == ["ci", "theirs", "ours"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is not JSON"),
        ("{}", "must be an object with keys, owners or both"),
        ('{"keys": [{"secret": "short"}]}', "keys[0] secret must be a text of at least 20 printable characters"),
        ('{"keys": [{"id": "k3v9x2ab"}]}', "keys[0] hash is missing"),
        ('{"owners": [1]}', "owners[0] must be an object"),
    ],
)
def test_a_wrong_file(keys, home, content, message):
    file = home / "wrong.json"
    file.write_text(content)
    code, text = keys("import", str(file))
    assert (code, message in text) == (1, True), text


def test_restored_from_the_mirror(keys, home, server):
    """What the bucket has lost comes back, and what was deleted does not."""
    kept, deleted = made(keys, "create", "--name", "kept"), made(keys, "create", "--name", "deleted")
    state = KeyState()
    for one in made(keys, "export")["keys"]:
        state.apply(f"key.{one['id']}", json.dumps(one).encode())
    made(keys, "delete", "deleted")
    (home / "keys").mkdir()
    bucket = json.loads((home / "conf" / "gl_config.json").read_text())["service_bus"]["namespace"] + "_keys"
    (home / "keys" / "gl.json").write_bytes(state.to_bytes(bucket))
    assert made(keys, "import", "--from-mirror") == {"imported": 0, "skipped": 2}
    values = json.loads((home / "conf" / "gl_config.json").read_text())
    values["service_bus"]["namespace"] += "_wiped"
    (home / "conf" / "gl_config.json").write_text(json.dumps(values))
    state.apply(f"key.{deleted['id']}", None)
    (home / "keys" / "gl.json").write_bytes(state.to_bytes(f"{bucket.removesuffix('_keys')}_wiped_keys"))
    assert made(keys, "import", "--from-mirror") == {"imported": 1, "skipped": 0}
    assert snapshot(keys).find(kept["secret"], NOW).name == "kept"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["create", "--rpm", "0"], "quotas.rpm must be a whole number above 0"),
        (["create", "--router", "v1"], "routers must be paths of routers"),
        (["create", "--budget", "much"], "--budget"),
        (["create", "--expires", "soon"], "must be a date, a time with its zone, or a duration such as 90d"),
        (["rotate", "ci", "--grace", "long"], "must be a number with s, m, h, d or w"),
        (["import", "--from-mirror"], "there is no mirror in"),
    ],
)
def test_a_wrong_command_says_what_is_wrong(keys, arguments, message):
    code, text = keys(*arguments)
    assert code in {1, 2}
    assert message in text


def test_a_bus_that_is_away_or_refuses(keys, home):
    (home / "secrets" / "NATS_TOKEN").write_text("AnotherToken")
    code, text = keys("list")
    assert (code, "the bus does not accept" in text) == (1, True), text
    values = json.loads((home / "conf" / "gl_config.json").read_text())
    values["service_bus"]["hostname"] = f"127.0.0.1:{free_port()}"
    (home / "conf" / "gl_config.json").write_text(json.dumps(values))
    code, text = keys("list")
    assert (code, "is not reached" in text) == (1, True), text
