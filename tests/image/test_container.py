"""The image at work, as docs/operations.md tells people to use it."""

import hashlib
import json

import pytest

from gecholog import __version__
from tests.image.configs import put_moved_configs
from tests.image.engine import HARDENED, answers
from tests.support.waiting import DEADLINE, until

CONF = "/app/conf/gl_config.json"
SERVICES = ("nats-server", "gl", "nats2file", "nats2log", "nats2ledger", "tokencounter", "dummy", "gui")


def changed(text, **fields):
    return json.dumps(json.loads(text) | fields, indent=2)


# ---------------------------------------------------------------- allowed as little as possible


def test_user(hardened):
    """Nothing in it runs as root."""
    assert hardened.exec("id", "-u").strip() == "10001"
    uids = hardened.exec("sh", "-c", "grep -h ^Uid: /proc/[0-9]*/status")
    assert {line.split()[1] for line in uids.splitlines()} == {"10001"}
    assert hardened.code("touch", "/opt/x") != 0


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_healthy(hardened, service):
    assert hardened.is_healthy(service), hardened.exec("./healthcheck", "--json", check=False)


def test_health_check_of_the_engine(hardened):
    until(lambda: hardened.health_status() == "healthy", "HEALTHCHECK")


def test_from_a_call_to_its_record(hardened):
    """One call, one record, with its tokens counted."""
    before = len(hardened.records())
    ((session, tokens),) = hardened.call()
    until(lambda: len(hardened.records()) > before, "the record")
    records = hardened.records()
    assert len(records) == before + 1
    assert records[-1]["session_id"] == session
    assert records[-1]["response"]["token_count"]["total_tokens"] == tokens


def test_ports_are_open_to_others(hardened):
    """The gateway and the bus listen on every address; the dummy LLM only inside."""
    listening = hardened.exec("sh", "-c", "cat /proc/net/tcp /proc/net/tcp6")
    sockets = [line.split()[1] for line in listening.splitlines() if " 0A " in line]
    hosts = {port: {address.rpartition(":")[0] for address in sockets if address.endswith(f":{port:04X}")}
             for port in (5380, 4222, 5390, 8080)}  # fmt: skip
    assert hosts[5380]
    assert hosts[4222]
    assert hosts[8080]
    assert all(not host.strip("0") for port in (5380, 4222, 8080) for host in hosts[port])
    assert hosts[5390] == {"0100007F"}


PROGRAMS = (
    "gl",
    "nats2log",
    "tokencounter",
    "ginit",
    "healthcheck",
    "entrypoint",
    "dummy",
    "import-config",
    "keys",
    "gui",
)


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs(hardened, program):
    """They are in the working directory under the names that people's scripts use."""
    assert hardened.exec(f"./{program}", "--version").strip() == __version__


def test_checksum_in_force(hardened):
    assert hardened.exec("./healthcheck", "-s", "gl", "-p") == hardened.sum_of(CONF)


def test_config_of_another_gateway(hardened):
    hardened.write("/app/conf/config.yml", "providers: [{id: a, provider: dummy, config: {}}]\nmodels: []\n")
    part = json.loads(hardened.exec("./import-config", "/app/conf/config.yml"))
    assert part["providers"] == [{"name": "a", "dialect": "dummy"}]


def test_validation_of_a_new_config(hardened):
    """As the original's manual says it, from a file and from standard input."""
    text = hardened.exec("cat", CONF)
    command = ("./gl", "-o", "app/conf/new_gl_config.json", "--validate")
    hardened.write("/app/conf/new_gl_config.json", changed(text, session_id_header="New"))
    assert hardened.code(*command, env={"NATS_TOKEN": "set"}) == 0
    hardened.write("/app/conf/new_gl_config.json", changed(text, gl_port="wrong"))
    assert hardened.code(*command, env={"NATS_TOKEN": "set"}) == 1
    assert hardened.code("./gl", "--validate", env={"NATS_TOKEN": "set"}, text=text) == 0
    hardened.exec("rm", "/app/conf/new_gl_config.json")


def test_config_dropped_in(hardened):
    """A valid one is in force without a restart; a broken one is said, and never in force."""
    text, pids = hardened.exec("cat", CONF), processes(hardened, "services.gl")
    fresh = changed(text, session_id_header="Dropped-In")
    hardened.write("/app/conf/gl_config.new", fresh)
    hardened.exec("cp", "/app/conf/gl_config.new", CONF)
    wanted = hashlib.sha256(fresh.encode()).hexdigest()
    until(lambda: hardened.checksum("gl") == wanted, "the new config")
    assert not hardened.said("config is not valid", child="gl")
    hardened.write(CONF, "{")
    until(lambda: hardened.said("config is not valid", child="gl"), "the refusal")
    assert hardened.checksum("gl") == wanted
    hardened.write(CONF, text)
    until(lambda: hardened.in_force("gl", CONF), "the config before")
    assert processes(hardened, "services.gl") == pids


def processes(container, module):
    """The processes of a program of ours; the pattern does not match itself."""
    found = container.exec("sh", "-c", f"grep -la '{module.replace('.', '[.]')}' /proc/[0-9]*/cmdline || true")
    return {line.split("/")[2] for line in found.splitlines()}


def test_log_is_json_and_tells_no_secret(hardened):
    """Standard output is the system log; the generated token lies in a file for its owner only."""
    entries = hardened.entries()
    assert all({"time", "level", "msg", "service"} <= entry.keys() for entry in entries)
    token = hardened.exec("cat", "/app/secrets/NATS_TOKEN")
    assert len(token) == 32
    assert token not in "\n".join(hardened.lines())
    assert hardened.exec("stat", "-c", "%a", "/app/secrets/NATS_TOKEN").strip() == "600"


# ---------------------------------------------------------------- other users, other mounts


def test_any_user(containers, engine, volume):
    """As OpenShift starts it: a user that nobody knows, in group 0."""
    options = ("--user", "1000640000:0", *engine.read_only, *HARDENED, "--volume", f"{volume}:/app")
    container = containers(*options)
    container.becomes_healthy()
    container.call()
    until(container.records, "the record")


def test_home_of_the_image(containers):
    """`docker run -d IMAGE` is all that is needed. A config folder that is mounted empty gets the defaults."""
    container = containers("--tmpfs", "/app/conf")
    container.becomes_healthy()
    container.call()
    until(container.records, "the record")
    assert {"gl_config.json", "nats-server.conf"} <= set(container.exec("ls", "/app/conf").split())


def test_configs_of_someone_else(containers, engine, volume):
    """A config folder from outside that we may only read, with other ports, on the network of this machine."""
    ports = put_moved_configs(engine, volume, owner="4711:4712")
    container = containers("--volume", f"{volume}:/app/conf", *HARDENED, network="host")
    container.becomes_healthy()
    assert container.said("cannot copy default config file", owner="4711:4712", running_as="10001:0")
    container.call(url=f"http://localhost:{ports['5380']}/dummy/v1/chat/completions")
    until(container.records, "the record")
    assert container.in_force("gl", CONF)


# ---------------------------------------------------------------- copying in, and the end


def test_copy_and_end(containers, engine, volume, tmp_path):
    """`cp` puts a config in force during calls. SIGTERM in the middle: exit code 0, and no answered call without
    its record. An appliance that took longer than 5 seconds would be killed, and its exit code be 137.
    """
    container = containers(*engine.read_only, *HARDENED, "--volume", f"{volume}:/app")
    container.becomes_healthy()
    file = tmp_path / "gl_config.json"
    file.write_text(changed(container.exec("cat", CONF), gateway_id="COPIED01"))
    file.chmod(0o644)
    with container.calling() as calling:
        engine("cp", str(file), f"{container.name}:{CONF}")
        until(lambda: container.checksum("gl") == hashlib.sha256(file.read_bytes()).hexdigest(), "the new config")
        until(
            lambda: any(record["session_id"].startswith("COPIED01") for record in container.records()),
            "a call under it",
        )
        engine("stop", "-t", "5", container.name)
        answered, _ = calling.communicate(timeout=DEADLINE)
    assert container.state()["ExitCode"] == 0
    text = engine.once(["cat", "/app/log/gecholog.jsonl"], "--volume", f"{volume}:/app")
    recorded = [json.loads(line)["session_id"] for line in text.splitlines()]
    assert len(recorded) == len(set(recorded))
    assert {session for session, _ in answers(answered)} <= set(recorded)
    assert len(answers(answered)) > 0
    leftover = engine.once(["ls", "-A", "/app/checksum"], "--volume", f"{volume}:/app")
    assert leftover == ""


def test_what_cannot_start_says_why(containers):
    """Exit code and the last lines of the log tell it; the value itself is not told."""
    container = containers("--env", "NATS_TOKEN=123456789")
    assert container.wait() == 1
    assert any("NATS_TOKEN" in entry.get("reason", "") for entry in container.entries()[-3:])
    assert "123456789" not in "\n".join(container.lines())
