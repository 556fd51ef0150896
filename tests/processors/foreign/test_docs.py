"""The examples of docs/processors.md and docs/failover.md: each block is taken from the page and run."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processors.foreign.go_tool import build
from tests.processors.rig import entry, start_stack
from tests.support.appliance import Home
from tests.support.bus_users import PROCESSOR, authorization
from tests.support.nats_command import nats_command
from tests.support.nats_server import TOKEN, NatsServer
from tests.support.pages import ROOT, blocks, blocks_by_name
from tests.support.waiting import until

PAGE = ROOT / "docs" / "processors.md"
BLOCKS = blocks_by_name(PAGE)
FAILOVER = blocks_by_name(ROOT / "docs" / "failover.md")
SUBJECT = "coburn.gl.charactercount"
NODE_CLIENT = "@nats-io/transport-node@3"


def entry_of_the_page(number=0):
    """Return a row for gl_config.json that the page shows."""
    rows = [block.text for block in blocks(PAGE) if block.language == "json" and not block.name]
    return json.loads(rows[number])


@pytest.fixture
def stack(tmp_path, plain_nats_server):
    """Start a stack with the row of the page."""
    with start_stack(tmp_path, plain_nats_server, request={"processors": [entry_of_the_page()]}) as one:
        yield one


@pytest.fixture
def stack_with_users(tmp_path):
    """Start the same on a bus that has the two users of the shipped config."""
    settings = {"authorization": authorization()}
    server = NatsServer(tmp_path / "nats_with_users", jetstream=False, settings=settings, token=TOKEN)
    server.start()
    try:
        with start_stack(tmp_path / "users", server, request={"processors": [entry_of_the_page()]}) as one:
            yield one
    finally:
        server.kill()


@pytest.fixture
def folder(tmp_path):
    """Return a folder with all files of the page."""
    made = tmp_path / "example"
    made.mkdir()
    for name, text in BLOCKS.items():
        (made / name).write_text(text, "utf-8")
    return made


def counts(stack):
    """Check that the processor of this stack counts the characters of a request, and leaves a response unchanged."""
    assert stack.answers(SUBJECT, b'{"inbound_payload": 1}') == b""
    for text in ("Hello", "Hällo"):
        body = json.dumps({"a": [1, text], "b": None}, indent=1, ensure_ascii=False).encode()
        record = stack.record(stack.post("/service/v1", body=body))
        assert record["request"]["character_count"] == len('{"a":[1,"Hello"],"b":null}')
        assert "error" not in record["request"]


def test_the_page_has_them_all():
    """Every block has its name."""
    own = {"characters.py", "test_characters.py", "service", "signed.py", "guard.py", "guard row"}
    assert BLOCKS.keys() == own | {"plain.py", "main.go", "characters.mjs", "characters.sh", "run.sh"}
    assert FAILOVER.keys() == {"elsewhere.py", "routers", "row"}


def test_ten_lines():
    """The example is as short as the page says."""
    assert len([line for line in BLOCKS["characters.py"].splitlines() if line]) < 10


def test_sdk(stack, folder):
    stack.run(sys.executable, "characters.py", cwd=folder)
    counts(stack)


def test_its_test(folder):
    """The test on the page passes, and has two tests."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_characters.py"]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_the_appliance_runs_it(tmp_path, plain_nats_server):
    """The service of the page is healthy, and is restarted when killed. A version that fails to import is refused."""
    appliance = Home(tmp_path / "home")
    program = appliance.folder / "conf" / "characters.py"
    program.write_text(BLOCKS["characters.py"], "utf-8")
    appliance.services.append(json.loads(BLOCKS["service"]) | {"file": sys.executable})
    try:
        appliance.up(NATS_TOKEN=plain_nats_server.token, GECHOLOG_HOST=plain_nats_server.hostname)
        appliance.becomes("charactercount", "healthy")
        first = appliance.pid("charactercount")
        os.kill(first, signal.SIGKILL)
        appliance.said("service is healthy", times=2, child="charactercount")
        second = appliance.pid("charactercount")
        assert second not in {0, first}
        program.write_text("import no_such_module\n", "utf-8")
        appliance.said("config is not valid", child="charactercount")
        assert appliance.pid("charactercount") == second
        program.write_text(BLOCKS["characters.py"] + "# another version\n", "utf-8")
        appliance.said("service is healthy", times=3, child="charactercount")
        until(lambda: appliance.pid("charactercount") not in {0, second}, "the new version")
    finally:
        appliance.close()


def count_as_both(stack, stack_with_users, *command, **options):
    """Run a program that logs in with the token, and again as the user `processor`, and check that both count."""
    stack.run(*command, listens="", **options)
    counts(stack)
    stack_with_users.run(*command, listens="", **options, **PROCESSOR, NATS_TOKEN="")
    counts(stack_with_users)


def test_sdk_with_a_user(stack_with_users, folder):
    stack_with_users.run(sys.executable, "characters.py", cwd=folder, **PROCESSOR, NATS_TOKEN="")
    counts(stack_with_users)


def test_plain_python(stack, stack_with_users, folder):
    count_as_both(stack, stack_with_users, sys.executable, "plain.py", cwd=folder)


@pytest.mark.slow
@pytest.mark.timeout(400)  # the compiler may have nothing in its cache, and little of the processor
def test_go(stack, stack_with_users, folder):
    count_as_both(stack, stack_with_users, build(BLOCKS["main.go"], folder / "go"))


@pytest.mark.slow
@pytest.mark.timeout(400)  # npm alone may take 300 s
def test_node(stack, stack_with_users, folder):
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("node and npm are not installed")
    command = [npm, "install", "--no-audit", "--no-fund", "--loglevel=error", NODE_CLIENT]
    installed = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if installed.returncode:
        pytest.skip(f"{NODE_CLIENT} cannot be had: {installed.stderr.strip()}")
    count_as_both(stack, stack_with_users, node, "characters.mjs", cwd=folder)


def needs_jq():
    if not shutil.which("jq"):
        pytest.skip("jq is not installed")


def test_script(folder):
    """Return the output of the shell processor's command for a message, given as the nats command does."""
    needs_jq()
    for message, answer in {
        '{"ingress_payload": {"a": "ä"}}': '{"character_count":9}\n',
        '{"inbound_payload": 1}': "",
    }.items():
        env = os.environ | {"NATS_REQUEST_BODY": message}
        done = subprocess.run(["sh", "characters.sh"], cwd=folder, env=env, capture_output=True, text=True, check=True)
        assert done.stdout == answer


def test_shell(stack, stack_with_users, folder):
    needs_jq()
    nats = nats_command()
    if nats is None:
        pytest.skip("the nats command is not installed (go install github.com/nats-io/natscli/nats@latest)")
    path = f"{Path(nats).parent}{os.pathsep}{os.environ['PATH']}"
    count_as_both(stack, stack_with_users, "sh", "run.sh", cwd=folder, PATH=path)


def test_micro_ls(stack, folder):
    """`nats micro ls` lists a processor that is written with the SDK."""
    nats = nats_command()
    if nats is None:
        pytest.skip("the nats command is not installed (go install github.com/nats-io/natscli/nats@latest)")
    stack.run(sys.executable, "characters.py", cwd=folder)
    server = f"nats://{stack.server.token}@{stack.server.hostname}"
    done = subprocess.run([nats, "--server", server, "micro", "ls"], capture_output=True, text=True, check=True)
    assert "charactercount" in done.stdout


def test_what_the_page_says_of_control(tmp_path, plain_nats_server, folder):
    """A processor can set status and headers of its own response."""
    (folder / "refuse.py").write_text(
        "from gecholog.processor import Processor\n"
        "processor = Processor('refuse')\n"
        "@processor.request\n"
        "def refuse(request):\n"
        "    return {'control': {'error': 'busy'}, 'control_status_code': 429,\n"
        "            'control_headers': {'Retry-After': '7', 'X-Two': ['a', 'b']}}\n"
        "processor.run()\n",
        "utf-8",
    )
    refuse = entry("refuse", output_fields_write=["control", "control_status_code", "control_headers"])
    with start_stack(tmp_path, plain_nats_server, request={"processors": [[refuse]]}) as stack:
        stack.run(sys.executable, "refuse.py", cwd=folder)
        reply = stack.post("/service/v1", {})
        assert (reply.status, reply.json()) == (429, {"error": "busy"})
        assert (reply.values("Retry-After"), reply.values("X-Two")) == (["7"], ["a", "b"])


def test_what_the_page_says_of_routers(tmp_path, plain_nats_server, folder):
    """It runs for the routers that are listed."""
    listed = entry_of_the_page()
    listed[0]["routers"] = ["/other/"]
    with start_stack(tmp_path, plain_nats_server, request={"processors": [listed]}) as stack:
        stack.run(sys.executable, "characters.py", cwd=folder)
        assert "character_count" in stack.record(stack.post("/other/v1", {}))["request"]
        assert "character_count" not in stack.record(stack.post("/service/v1", {}))["request"]


def test_the_guard_of_the_page(tmp_path, plain_nats_server, folder):
    """It refuses what it should with an error, and lets the rest pass."""
    row = json.loads(BLOCKS["guard row"])
    with start_stack(tmp_path, plain_nats_server, request={"processors": [row]}) as stack:
        stack.run(sys.executable, "guard.py", cwd=folder)
        assert stack.post("/service/v1", {"messages": [{"role": "user", "content": "Hello"}]}).status == 200
        reply = stack.post("/service/v1", {"messages": [{"role": "user", "content": "A secret"}]})
        assert (reply.status, reply.json()["error"]["message"]) == (403, "no secrets please")


def test_what_the_page_says_of_streams(tmp_path, plain_nats_server, folder):
    """The example changes a response, and leaves a stream unchanged, byte for byte."""
    events = b'data: {"choices": [{"index": 0, "delta": {"content": "Hi"}}]}\n\ndata: [DONE]\n\n'
    with start_stack(tmp_path, plain_nats_server, response={"processors": [entry_of_the_page(1)]}) as stack:
        stack.run(sys.executable, "signed.py", cwd=folder)
        assert stack.post("/service/v1", {}).json() == {"ok": True, "signed": "gecholog"}
        stack.upstream.behaviour = lambda talk: talk.reply(events, kind="text/event-stream; charset=utf-8")
        reply = stack.post("/service/v1", {"stream": True})
        assert (reply.body, reply.values("Content-Type")) == (events, ["text/event-stream; charset=utf-8"])


def test_a_stream_that_is_changed(tmp_path, plain_nats_server, folder):
    """Without a check of the headers the client of a stream gets one JSON object, as the page warns."""
    events = b'data: {"choices": [{"index": 0, "delta": {"content": "Hi"}}]}\n\ndata: [DONE]\n\n'
    row = entry_of_the_page(1)
    row[0]["input_fields_include"].remove("inbound_headers")
    with start_stack(tmp_path, plain_nats_server, response={"processors": [row]}) as stack:
        stack.run(sys.executable, "signed.py", cwd=folder)
        stack.upstream.behaviour = lambda talk: talk.reply(events, kind="text/event-stream")
        reply = stack.post("/service/v1", {"stream": True})
        assert (reply.json()["signed"], reply.values("Content-Type")) == ("gecholog", ["application/json"])


def test_failover(tmp_path, plain_nats_server):
    """The example of the page on failover: another router handles a call to the dead one."""
    (tmp_path / "elsewhere.py").write_text(FAILOVER["elsewhere.py"], "utf-8")
    routers, row = json.loads(FAILOVER["routers"]), json.loads(FAILOVER["row"])
    with start_stack(tmp_path, plain_nats_server, request={"processors": [row]}) as stack:
        routers[1]["outbound"]["url"] = stack.upstream.url
        stack.gateway.reload(stack.gateway.values | {"routers": routers})
        stack.run(sys.executable, "elsewhere.py", cwd=tmp_path)
        reply = stack.post("/west/v1", {})
        assert (reply.status, reply.json()) == (200, {"ok": True})
        attempts = stack.record(reply)["request"]["attempts"]
    assert [(attempt["gl_path"], attempt.get("status_code")) for attempt in attempts] == [
        ("/west/", None),
        ("/east/", 200),
    ]
