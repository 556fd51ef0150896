"""healthcheck as people and container engines call it: exit codes and output."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gecholog import __version__
from gecholog.breakerstatus import BreakerStatusFile, OpenBreaker
from gecholog.health import ChecksumFile, ChecksumLock
from gecholog.recordstatus import RecordStatus, RecordStatusFile
from gecholog.workerstatus import WorkerStatus, WorkerStatusFile
from tests.support.process import environment_of

SUM = "ab" * 32
LINK = Path(__file__).parents[3] / "services" / "bin" / "healthcheck"


def run(home, *arguments, program=(sys.executable, "-m", "services.healthcheck"), cwd="/"):
    return subprocess.run(
        [*program, *arguments], env=environment_of(home, {}), cwd=cwd, capture_output=True, text=True, check=False
    )


def outcome(home, *arguments):
    done = run(home, *arguments)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "arguments", [("-s", "ginit"), ("-s", "gl"), ("-s=gl",), ("-s", "gl", "-p"), ("-s", "unknown"), ("-p",)]
)
def test_not_healthy_is_silent(tmp_path, arguments):
    """Exit code 1 without output."""
    assert outcome(tmp_path, *arguments) == (1, "", "")


@pytest.mark.parametrize(
    ("alias", "arguments"), [("ginit", ("-s", "ginit")), ("gl", ("-s", "gl")), ("mine", ("-s=mine",))]
)
def test_healthy(tmp_path, alias, arguments):
    """Exit code 0, and the checksum only if requested."""
    ChecksumFile.of(alias, tmp_path).write(SUM)
    assert outcome(tmp_path, *arguments) == (0, "", "")
    assert outcome(tmp_path, *arguments, "-p") == (0, SUM, "")
    assert outcome(tmp_path, "-s", "other", "-p") == (1, "", "")


def write_state(home, *services, **fields):
    (home / "run").mkdir(exist_ok=True)
    (home / "run" / "state.json").write_text(json.dumps({"services": list(services), **fields}))


def test_words_about_the_appliance(tmp_path):
    """One line tells whether the service is healthy, and why not. Services that are off are listed as such."""
    assert outcome(tmp_path) == (1, f"unhealthy: no appliance is running in {tmp_path}\n", "")
    write_state(tmp_path, {"name": "gl"}, {"name": "log", "alias": "nats2log"})
    assert outcome(tmp_path) == (1, "unhealthy: starting\n", "")
    problems = ["gl is idle: exit code 1,\nport 1 is taken", "log is stopping"]
    write_state(tmp_path, {"name": "gl"}, problems=problems)
    assert outcome(tmp_path) == (
        1,
        "unhealthy: gl is idle: exit code 1, port 1 is taken; log is stopping\n",
        "",
    )
    write_state(tmp_path, {"name": "gl"}, {"name": "log", "alias": "nats2log"})
    ChecksumFile.of("ginit", tmp_path).write(SUM)
    assert outcome(tmp_path) == (0, "healthy: 2 services\n", "")
    ChecksumFile.of("nats2log", tmp_path).write(SUM, {"checksum": SUM, "left_out": [], "off": True})
    assert outcome(tmp_path) == (0, "healthy: 2 services (off: log)\n", "")
    assert outcome(tmp_path, "-s", "ginit") == (0, "", "")
    assert outcome(tmp_path, "-p") == (0, SUM, "")


def test_words_about_what_is_left_out(tmp_path):
    """One more line, with each reason once."""
    left_out = [{"entry": f"router /{name}/", "closes": [], "reason": "KEY is not set"} for name in "ab"]
    cap = {"entry": "cap of /c/", "closes": ["/c/"], "reason": "value must be 0 or more"}
    ChecksumFile.of("ginit", tmp_path).write(SUM)
    ChecksumFile.of("gl", tmp_path).write(SUM, {"checksum": SUM, "left_out": [*left_out, cap]})
    write_state(tmp_path, {"name": "gl"})
    cap_said = "cap of /c/ (value must be 0 or more; calls of /c/ are refused)"
    said = f"healthy: 1 service\nleft out: router /a/, router /b/ (KEY is not set); {cap_said}\n"
    assert outcome(tmp_path) == (0, said, "")


def test_words_about_what_is_refused(tmp_path):
    """One more line, with each config file that is not in force, and why. The appliance is healthy."""
    refused = [
        {"service": "gl", "file": "/conf/gl_config.json", "reason": "routers[0].path (line 3): must begin with /"},
        {"service": "ginit", "file": "/conf/ginit_config.json", "reason": "is not JSON"},
    ]
    ChecksumFile.of("ginit", tmp_path).write(SUM)
    write_state(tmp_path, {"name": "gl"}, refused=refused)
    said = (
        "healthy: 1 service\nconfig refused: /conf/gl_config.json (routers[0].path (line 3): must begin with /); "
        "/conf/ginit_config.json (is not JSON)\n"
    )
    assert outcome(tmp_path) == (0, said, "")
    assert json.loads(outcome(tmp_path, "--json")[1])["refused"] == refused
    assert json.loads(outcome(tmp_path, "-s", "gl", "--json")[1])["refused"] == refused[:1]
    assert "refused" not in json.loads(outcome(tmp_path, "-s", "other", "--json")[1])


def test_nobody_reads_the_words(tmp_path):
    """The exit code is right even if standard output is closed or full."""
    ChecksumFile.of("ginit", tmp_path).write(SUM)
    for redirection in (">&-", ">/dev/full"):
        assert run(tmp_path, program=("/bin/sh", "-c", f"{LINK} {redirection}")).returncode == 0


def test_names_are_names(tmp_path):
    """A path is not a service name."""
    ChecksumFile.of("gl", tmp_path).write(SUM)
    assert outcome(tmp_path, "-s", "/../.gl", "-p") == (1, "", "")


@pytest.mark.parametrize("flag", ["--version", "-version"])
def test_version(tmp_path, flag):
    """Long options with one dash work too, as in the original."""
    assert outcome(tmp_path, flag) == (0, f"{__version__}\n", "")


def test_unknown_flag(tmp_path):
    """A wrong command line is exit code 2."""
    assert run(tmp_path, "--no-such-flag").returncode == 2


def test_report(tmp_path):
    """JSON has all services with their states, or one of them. The exit codes are the same as without."""
    gl = {"name": "gl", "state": "healthy", "since": "2026-01-01T00:00:00Z", "starts": 2, "checksum": SUM, "reason": ""}
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "state.json").write_text(json.dumps({"healthy": True, "services": [gl]}))
    code, out, _ = outcome(tmp_path, "--json")
    assert (code, json.loads(out)) == (1, {"healthy": False, "checksum": None, "services": [gl]})
    ChecksumFile.of("gl", tmp_path).write(SUM)
    code, out, _ = outcome(tmp_path, "-s", "gl", "--json")
    assert code == 0
    assert json.loads(out) == gl | {"healthy": True}


def test_report_of_what_is_wrong(tmp_path):
    """It reports problems although every process is alive, and the record status of gateways."""
    RecordStatusFile.of("gl", tmp_path).write(RecordStatus(failing=True, reason="no acknowledgement", lost=17))
    problems = ["records of gl: no acknowledgement"]
    for known in (
        {"problems": problems},
        {"services": [{"name": "gl"}]},
        {"problems": problems, "services": [{"name": "gl"}]},
    ):
        (tmp_path / "run" / "state.json").write_text(json.dumps(known))
        code, out, _ = outcome(tmp_path, "--json")
        assert (code, json.loads(out)["problems"]) == (1, problems)
    records = json.loads(outcome(tmp_path, "-s", "gl", "--json")[1])["records"]
    assert (records["failing"], records["reason"], records["lost"]) == (True, "no acknowledgement", 17)
    assert "records" not in json.loads(outcome(tmp_path, "-s", "dummy", "--json")[1])


def test_report_of_workers(tmp_path):
    """How many workers of a gateway serve, and how often one was restarted, as long as the gateway is healthy."""
    write_state(tmp_path, {"name": "gl"}, {"name": "dummy"})
    WorkerStatusFile.of("gl", tmp_path).write(WorkerStatus(4, 3, 2, (7, 8, 9)))
    assert "workers" not in json.loads(outcome(tmp_path, "--json")[1])
    ChecksumFile.of("gl", tmp_path).write(SUM)
    ChecksumFile.of("ginit", tmp_path).write(SUM)
    listed = [{"service": "gl", "workers": 4, "serving": 3, "restarts": 2, "pids": [7, 8, 9]}]
    assert json.loads(outcome(tmp_path, "--json")[1])["workers"] == listed
    assert json.loads(outcome(tmp_path, "-s", "gl", "--json")[1])["workers"] == listed
    assert outcome(tmp_path) == (0, "healthy: 2 services\nworkers: gl 3 of 4 serving, 2 restarts\n", "")


def test_report_of_circuit_breakers(tmp_path):
    """It lists those that are not closed, with their present state, as long as their gateway is healthy."""
    times = {"opened": "2026-01-01T00:00:00.000000000Z"}
    one = times | {"target": "openai/gpt-4o", "until": "2026-01-01T00:00:30.000000000Z", "reason": "status 503"}
    two = times | {"target": "/a/", "until": "2999-01-01T00:00:00.000000000Z", "reason": "refused"}
    BreakerStatusFile.of("gl", tmp_path).write([OpenBreaker(**one), OpenBreaker(**two)])
    write_state(tmp_path, {"name": "gl"}, {"name": "dummy"})
    assert "breakers" not in json.loads(outcome(tmp_path, "--json")[1])
    ChecksumFile.of("gl", tmp_path).write(SUM)
    ChecksumFile.of("ginit", tmp_path).write(SUM)
    listed = [
        {"service": "gl", "target": "openai/gpt-4o", "state": "half_open"} | one,
        {"service": "gl", "target": "/a/", "state": "open"} | two,
    ]
    assert json.loads(outcome(tmp_path, "--json")[1])["breakers"] == listed
    assert json.loads(outcome(tmp_path, "-s", "gl", "--json")[1])["breakers"] == listed
    assert "breakers" not in json.loads(outcome(tmp_path, "-s", "dummy", "--json")[1])
    line = "circuit breakers: openai/gpt-4o half_open (status 503); /a/ open (refused)\n"
    assert outcome(tmp_path) == (0, f"healthy: 2 services\n{line}", "")


def test_report_of_what_is_left_out(tmp_path):
    """Routers, caps and sinks come from the reports of the services, and service states from ginit's report."""
    router = {"list": "routers", "name": "/a/", "entry": "router /a/", "closes": [], "problems": [{"rule": "must"}]}
    service = router | {"list": "services", "name": "two", "entry": "service two"}
    (tmp_path / "run").mkdir()
    state = {"left_out": [service], "services": [{"name": "gateway", "alias": "gl"}, {"name": "other"}]}
    (tmp_path / "run" / "state.json").write_text(json.dumps(state))
    ChecksumFile.of("gl", tmp_path).write(SUM, {"checksum": SUM, "left_out": [router], "warnings": []})
    found = json.loads(outcome(tmp_path, "--json")[1])["left_out"]
    assert found == [{"service": "ginit"} | service, {"service": "gateway"} | router]
    assert json.loads(outcome(tmp_path, "-s", "gateway", "--json")[1])["left_out"] == [{"service": "gateway"} | router]
    assert "left_out" not in json.loads(outcome(tmp_path, "-s", "other", "--json")[1])


def test_silence(tmp_path):
    """Files of a hanging or killed service, or of ginit, do not count. The reason is reported."""
    for alias, arguments in (("ginit", ("-s", "ginit")), ("gl", ("-s", "gl"))):
        sign = ChecksumFile.of(alias, tmp_path)
        lock = ChecksumLock(sign)
        lock.acquire()
        lock.beat()
        sign.write(SUM)
        assert outcome(tmp_path, *arguments)[0] == 0
        os.utime(sign.path.with_suffix(".lock"), (1, 1))
        assert outcome(tmp_path, *arguments) == (1, "", "")
        assert json.loads(outcome(tmp_path, *arguments, "--json")[1])["problems"] == [f"{alias} sends no heartbeat"]
        lock.release()


@pytest.mark.parametrize(
    "text", ["[]", "nonsense", '{"services": [1]}', '{"services": [{}]}', '{"refused": 7}', '{"refused": [7]}']
)
def test_state_that_nobody_wrote(tmp_path, text):
    """Whatever is in place of the file, nothing is known and nothing breaks."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "state.json").write_text(text)
    code, out, err = outcome(tmp_path, "--json")
    assert (code, json.loads(out)["healthy"], err) == (1, False, "")
    (tmp_path / "run" / "state.json").unlink()
    os.mkfifo(tmp_path / "run" / "state.json")
    assert outcome(tmp_path, "--json")[0] == 1


def test_under_its_old_name(tmp_path):
    """`./healthcheck` works from any folder, also by a symbolic link."""
    ChecksumFile.of("gl", tmp_path).write(SUM)
    link = tmp_path / "healthcheck"
    link.symlink_to(LINK)
    done = run(tmp_path, "-s", "gl", "-p", program=(str(link),), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, SUM)


def test_it_imports_little(tmp_path):
    """It runs every few seconds, so a slow import must not come in unnoticed."""
    command = [sys.executable, "-X", "importtime", "-m", "services.healthcheck"]
    done = subprocess.run(
        command, env=os.environ | environment_of(tmp_path, {}), capture_output=True, text=True, check=False
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "gecholog.health" in imported
    assert not imported & {"asyncio", "jsonschema", "nats", "orjson", "aiohttp", "logging", "hashlib"}
