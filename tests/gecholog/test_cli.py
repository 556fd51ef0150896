"""The command line: what a program says and how it ends, seen from outside."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gecholog import __version__
from gecholog.cli import Arguments, _folder, parse
from gecholog.errors import Problem
from tests.support.process import environment_of
from tests.support.waiting import DEADLINE, until

PROGRAM = Path(__file__).with_name("small_service.py")


def said(process):
    """Exit code, the problems as people would read them, the log. Nothing else is written."""
    code = process.wait()
    assert process.errors == []
    return code, "".join(_text(entry) for entry in process.entries if "rule" in entry), process.entries


def _text(entry):
    problem = Problem(entry["path"], entry["rule"], entry["line"], entry.get("consequence", ""))
    kind = "error" if entry["level"] == "ERROR" else "warning"
    return f"{kind}: {entry['file']}: {problem}\n"


def shown(*arguments, home):
    """Exit code, and what people read on a terminal."""
    master, slave = os.openpty()
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), *arguments], stdout=slave, stderr=slave, env=environment_of(home, {})
    )
    os.close(slave)
    code, text = process.wait(DEADLINE), b""
    try:
        while piece := os.read(master, 4096):
            text += piece
    except OSError:  # its end
        pass
    os.close(master)
    return code, text.decode().replace("\r\n", "\n")


def test_terminal_is_shown_text(config_file, tmp_path):
    """Each problem once, as a line of text; a valid file is said to be."""
    file = str(config_file.path)
    assert shown("-o", file, "--validate", home=tmp_path) == (0, f"{file} is valid\n")
    config_file.write(version=1, unheard=1)
    code, text = shown("-o", file, "--validate", home=tmp_path)
    assert code == 1
    lines = text.splitlines()
    assert [line.split(" ")[0] for line in lines] == ["warning:", "error:"]
    assert lines[1].startswith(f"error: {file}: version (line ")


def test_version(small_service):
    """`--version` and the original's `-version` say the version and nothing else."""
    for flag in ("--version", "-version"):
        process = small_service(flag)
        assert process.wait() == 0
        assert process.output == f"{__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [["-x"], ["-o"], ["stray"], ["--valid"], ["-a", "only"], ["-o", "f", "--in-force", "f"], ["-o", "f", "--json"]],
)
def test_command_lines_that_are_not_understood(small_service, arguments):
    """Exit code 2, the usage on standard error, nothing else."""
    process = small_service(*arguments)
    assert process.wait() == 2
    assert process.errors[0].startswith("usage: small ")
    assert not process.lines


@pytest.mark.parametrize("flag", ["--validate", "-validate"])
def test_valid(small_service, config_file, flag):
    """A config that may be used: exit code 0, and the service does not start."""
    code, errors, log = said(small_service("-o", str(config_file.path), flag))
    assert (code, errors) == (0, "")
    assert [entry["msg"] for entry in log] == ["config is valid"]


def test_warnings_of_a_valid_config(small_service, config_file):
    """Entries that are left out, and unknown fields, are warnings for people and for programs."""
    config_file.write(entries=[{"name": "aa"}, {}], unheard=1)
    code, errors, log = said(small_service("-o", str(config_file.path), "--validate"))
    assert code == 0
    assert errors.count("warning: ") == errors.count("\n") == 2
    warnings = [(entry["path"], entry["rule"]) for entry in log if entry["level"] == "WARN"]
    assert warnings == [("entries[1].name", "is missing"), ("unheard", "is not known and is ignored")]


@pytest.fixture
def in_force(config_file, tmp_path):
    """A file with the config in force, whose entries are `kept` and `other`."""
    config_file.write(entries=[{"name": "kept"}, {"name": "other"}])
    return config_file.path.rename(tmp_path / "in_force.json")


@pytest.mark.parametrize(
    ("entries", "places"),
    [
        ([{"name": "kept"}, {"name": "other"}, {"name": "new", "size": 10}], []),
        ([{"name": "kept"}], []),
        ([{"name": "kept"}, {"name": "other", "size": 10}], ["entries[1].size"]),
        ([{"name": "kept"}, {"name": "o"}], ["entries[1].name"]),
        ([{"name": "kept"}, {"size": 1}], ["entries[1].name"]),
        ([{"name": "kept", "size": 10}, {"name": "other", "size": 10}], ["entries", "entries[0].size"]),
    ],
)
def test_a_config_that_would_lose_an_entry_in_force(small_service, config_file, in_force, entries, places):
    """With `--in-force` exit code 1 for an entry in force that is wrong in the new file; deleting it is allowed."""
    config_file.write(entries=entries)
    code, errors, log = said(small_service("-o", str(config_file.path), "--validate", "--in-force", str(in_force)))
    assert code == (1 if places else 0)
    told = [entry["path"] for entry in log if entry["level"] == "ERROR"]
    assert told[: len(places)] == places
    if places and len(places) == 1:
        assert "entry other is in force now and would be lost" in errors
        assert log[-1]["consequence"] == "entry other is in force now and would be lost"


def test_a_config_in_force_that_cannot_be_read(small_service, config_file, tmp_path):
    """It would let everything pass: exit code 1, by its name."""
    config_file.write(entries=[{"name": "kept"}])
    missing = str(tmp_path / "missing.json")
    code, errors, _ = said(small_service("-o", str(config_file.path), "--validate", "--in-force", missing))
    assert code == 1
    assert f"{missing}: file: cannot be read" in errors


def test_all_problems_at_once(small_service, config_file):
    """Every problem is named with its path and line."""
    config_file.write(version=1, number="x", mode=None)
    code, errors, log = said(small_service())
    assert code == 1
    for path in ("version", "number", "mode"):
        assert f"{config_file.path}: {path} (line " in errors
    assert {entry["path"] for entry in log} == {"version", "number", "mode"}
    assert all(entry["line"] > 0 and entry["file"] == str(config_file.path) for entry in log)
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "is not JSON"),
        (b"not json", "is not JSON"),
        (b"\xff\xfe{\x00", "is not UTF-8"),
        (b"\x00", "is not JSON"),
        (b"[]", "must be an object"),
        (b"3", "must be an object"),
        (b"null", "must be an object"),
        (b'"x"', "must be an object"),
        (b"[" * 100_000, "is nested too deeply"),
        (
            b'{"version":"1.0.0","log_level":"INFO","mode":"x","x":' + b"[" * 800 + b"]" * 800 + b"}",
            "nested too deeply",
        ),
        (b'{"number":1e999}', "out of range"),
        (b'{"number":' + b"1" * 5000 + b"}", "out of range"),
    ],
)
@pytest.mark.parametrize("validate", [True, False])
def test_files_that_are_no_config(small_service, tmp_path, content, rule, validate):
    """Whatever the file holds: exit code 1 and a line that can be read, never a traceback."""
    file = tmp_path / "odd.json"
    file.write_bytes(content)
    code, errors, log = said(small_service("-o", str(file), *(["--validate"] if validate else [])))
    assert code == 1
    assert errors.startswith(f"error: {file}: ")
    assert rule in errors
    assert "Traceback" not in errors
    assert rule in log[0]["rule"]
    assert len(errors) < 1000


@pytest.mark.parametrize("name", ["missing.json", "", "missing/f.json"])
def test_files_that_cannot_be_read(small_service, tmp_path, name):
    """A file that is missing, and a folder."""
    code, errors, log = said(small_service("-o", str(tmp_path / name)))
    assert code == 1
    assert "cannot be read: " in errors
    assert "Traceback" not in errors
    assert log[0]["level"] == "ERROR"


def test_secrets_are_not_printed(small_service, config_file):
    """Values that come from the environment are in no message, wherever in the file they stand."""
    secret = 'S3cret"\\x'
    for fields in (
        {"secret": "${SECRET}"},
        {"version": 1, "mode": "${SECRET}", "${SECRET}": "x"},
        {"number": "${SECRET}"},
        {"log_level": "$SECRET"},
        {"entries": [{"name": "a", "${SECRET}": 1}]},
        {"text": '{"mode": ${SECRET}}'},
        {"text": '{"mode": "${SECRET}" x}'},
        {"text": '{"${SECRET}" "x"}'},
    ):
        config_file.write(**fields)
        process = small_service("-o", str(config_file.path), "--validate", env={"SECRET": secret})
        process.wait()
        assert "S3cret" not in process.output


def test_a_secret_that_is_logged_is_masked(small_service, config_file):
    """The safety net below the rule that nobody logs secrets."""
    config_file.write(mode="says", secret="${SECRET}")
    process = small_service(env={"SECRET": "thesecret"})
    entry = process.wait_for_log("the secret")
    assert process.stop() == 0
    assert (entry["value"], entry["inside"]) == ("*****MASKED*****", "<'*****MASKED*****'>")
    assert "thesecret" not in process.output


@pytest.mark.parametrize(
    ("data", "code"), [(b'{"version":"1","log_level":"INFO","mode":"x"}', 0), (b"{}", 1), (b"", 1)]
)
def test_validate_reads_standard_input(root, data, code):
    """Without `-o` it is standard input that is checked."""
    command = [sys.executable, str(PROGRAM), "--validate"]
    done = subprocess.run(command, input=data, capture_output=True, env={"PYTHONPATH": str(root)}, check=False)
    assert done.returncode == code
    assert b"Traceback" not in done.stderr
    assert json.loads(done.stdout.splitlines()[0])["file"] == "standard input"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_standard_streams_closed(root, closed):
    """A closed standard input is an empty one; without an output there is an exit code nevertheless."""
    command = f'exec "{sys.executable}" "{PROGRAM}" --validate {closed}'
    env = {"PYTHONPATH": str(root)}
    done = subprocess.run(command, shell=True, stdin=subprocess.DEVNULL, capture_output=True, env=env, check=False)  # noqa: S602
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr


def test_a_reader_that_has_gone(root, config_file, tmp_path):
    """A log that nobody reads any more does not end a service, and does not spoil its exit code."""
    env = {"PYTHONPATH": str(root), "GECHOLOG_HOME": str(tmp_path / "app")}
    sign = tmp_path / "app" / "checksum" / ".small_config.sha256"
    command = [sys.executable, str(PROGRAM), "-o", str(config_file.path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
    try:
        assert process.stdout.readline()
        process.stdout.close()
        process.stderr.close()
        until(sign.exists)
        process.terminate()
        assert process.wait(30) == 0
        assert not sign.exists()
    finally:
        process.kill()
        process.wait()


def test_a_locale_that_is_not_utf_8(root, config_file):
    """The log is UTF-8, whatever the locale says."""
    config_file.write(**{"größe→": 1})
    command = [sys.executable, str(PROGRAM), "-o", str(config_file.path), "--validate"]
    env = {"PYTHONPATH": str(root), "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(command, capture_output=True, env=env, check=False)
    assert done.returncode == 0
    assert json.loads(done.stdout.splitlines()[0])["path"] == "größe→"


def test_parse():
    """The alias is the program's name unless `-a` says otherwise."""
    assert parse("gl", "", ["-o", "f"]) == Arguments(Path("f"), "gl", validate=False)
    assert parse("gl", "", ["-a", "b", "--validate"]) == Arguments(None, "b", validate=True)


def test_alias(small_service, config_file, tmp_path):
    """The alias is the name in the log and of the checksum file."""
    process = small_service("-o", str(config_file.path), "-a", "other")
    entry = process.wait_for_log("small is up")
    assert entry["service"] == "other"
    sign = tmp_path / "app" / "checksum" / ".other_config.sha256"
    assert sign.read_text() == entry["sha256"]
    assert process.stop() == 0
    assert not sign.exists()


def test_healthcheck(small_service, config_file):
    """`--healthcheck` tells whether the service of that alias is serving, and says nothing. It needs no config."""

    def healthy(*arguments):
        process = small_service("--healthcheck", *arguments)
        code = process.wait()
        assert not process.output
        return code == 0

    assert not healthy()
    process = small_service()
    process.wait_for_log("small is up")
    assert healthy()
    assert healthy("-o", str(config_file.path))
    assert not healthy("-a", "other")
    assert process.stop() == 0
    assert not healthy()


def test_healthcheck_of_an_alias(small_service, config_file):
    """The alias is that of the service, as in the name of its checksum file."""
    process = small_service("-o", str(config_file.path), "-a", "other")
    process.wait_for_log("small is up")
    assert small_service("-a", "other", "--healthcheck").wait() == 0
    assert small_service("--healthcheck").wait() == 1


@pytest.mark.parametrize("flags", [(), ("--validate",)])
def test_config_that_is_a_fifo(small_service, config_file, flags):
    """Nobody will ever write to it: it is refused at once, by name."""
    config_file.path.unlink()
    os.mkfifo(config_file.path)
    code, errors, _ = said(small_service("-o", str(config_file.path), *flags))
    assert (code, errors) == (
        1,
        f"error: {config_file.path}: file: cannot be read: is a FIFO, not a regular file\n",
    )


def test_endless_standard_input(small_service):
    """It is taken up to the size that a config file may have."""
    with Path("/dev/zero").open("rb") as zeros:
        process = subprocess.run(
            [sys.executable, str(PROGRAM), "--validate"], stdin=zeros, capture_output=True, text=True, check=False
        )
    assert process.returncode == 1
    assert json.loads(process.stdout)["rule"] == "is larger than 16 MiB"


def test_where_the_other_files_lie(tmp_path, monkeypatch):
    """In the folder of the file; the appliance's copies lie alone, and what they are copies of lies in `conf`."""
    monkeypatch.setenv("GECHOLOG_HOME", str(tmp_path))

    def folder(file):
        return _folder(Arguments(file, "small", validate=True))

    assert folder(None) is None
    assert folder(tmp_path / "conf" / "f.json") == tmp_path / "conf"
    assert folder(tmp_path / "elsewhere" / "f.json") == tmp_path / "elsewhere"
    assert folder(tmp_path / "run" / "candidate" / "small" / "f.json") == tmp_path / "conf"
    monkeypatch.chdir(tmp_path)
    assert folder(Path("f.json")) == tmp_path


def test_validate_as_json(small_service, config_file):
    """One JSON object with all findings, each with its pointer, line, message and severity; nothing else is printed."""
    config_file.write(entries=[{"name": "aa"}, {}], unheard=1)
    process = small_service("-o", str(config_file.path), "--validate", "--json")
    assert process.wait() == 0
    told = json.loads(process.output)
    assert (told["valid"], told["file"], len(told["sha256"])) == (True, str(config_file.path), 64)
    assert [(one["severity"], one["pointer"], one["message"]) for one in told["findings"]] == [
        ("warning", "/entries/1/name", "is missing"),
        ("warning", "/unheard", "is not known and is ignored"),
    ]
    assert [one["name"] for one in told["left_out"]] == [""]
    assert {one["line"] for one in told["findings"]} == {9, 11}


def test_validate_as_json_of_an_invalid_config(small_service, config_file):
    """Exit code 1, `valid` is false, and the errors come first."""
    config_file.write(version=1, secret="${SECRET}", unheard=1)
    process = small_service("-o", str(config_file.path), "--validate", "--json", env={"SECRET": "NOT LOWER"})
    assert process.wait() == 1
    told = json.loads(process.output)
    assert (told["valid"], told["sha256"]) == (False, None)
    assert [(one["severity"], one["pointer"]) for one in told["findings"]] == [
        ("error", "/version"),
        ("error", "/secret"),
        ("warning", "/unheard"),
    ]
    assert "NOT LOWER" not in process.output


def test_schema(small_service):
    """`--schema` needs no config file."""
    process = small_service("--schema")
    assert process.wait() == 0
    assert json.loads(process.output)["properties"]["secret"]["pattern"] == "^[a-z]+$"
