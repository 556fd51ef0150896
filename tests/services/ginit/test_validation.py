"""Candidates: what a service's own validation says."""

import json

import pytest

from services.ginit.config import Definition
from services.ginit.validation import ValidationResult, problem_lines, validate
from tests.support.process import ROOT


def program(folder, script):
    file = folder / "program"
    file.write_text("#!/bin/sh\n" + script, "utf-8")
    file.chmod(0o755)
    return Definition("one", file, "-o", folder / "mine.json", ("-a", "x"), "--validate", "ready", True, False)


async def test_valid(tmp_path):
    """Exit code 0, for the very arguments that the service is started with."""
    service = program(tmp_path, f'test "$*" = "-o {tmp_path}/candidate --validate -a x"')
    result = await validate(service, tmp_path / "candidate")
    assert (result.valid, result.problems) == (True, ())


async def test_invalid(tmp_path):
    """Any other exit code; the problems name the user's file, not the copy that was validated."""
    service = program(tmp_path, 'echo "line 3 of $2 is bad" >&2; exit 2')
    result = await validate(service, tmp_path / "candidate")
    assert not result.valid
    assert result.problems == (f"line 3 of {tmp_path}/mine.json is bad".encode(),)


@pytest.mark.parametrize("script", ["sleep 100", "trap '' TERM; while :; do sleep 1; done"])
async def test_validation_that_hangs(tmp_path, script):
    """It is ended, and counts as no answer."""
    result = await validate(program(tmp_path, script), tmp_path / "candidate", timeout_s=0.2)
    assert result == ValidationResult(valid=False, timed_out=True)


async def test_validation_that_cannot_be_run(tmp_path):
    """A program that is none counts as a no."""
    service = program(tmp_path, "")
    service.program.chmod(0o644)
    result = await validate(service, tmp_path / "candidate")
    assert not result.valid


async def test_entry_in_force_that_would_be_lost(tmp_path, monkeypatch):
    """A service of ours is told what is in force, and refuses a file that would leave an entry of it out by a slip."""
    monkeypatch.setenv("NATS_TOKEN", "TokenOfTheTest")
    config = json.loads((ROOT / "conf" / "tokencounter_config.json").read_text("utf-8"))
    cap = {"router": "/a/", "fields": [{"field": "total_tokens", "value": 5}]}
    files = {name: tmp_path / name for name in ("good", "bad", "without")}
    wrong = cap | {"fields": [{"field": "total_tokens", "value": -5}]}
    for name, caps in (("good", [cap]), ("bad", [wrong]), ("without", [])):
        files[name].write_text(json.dumps(config | {"token_caps": caps}), "utf-8")
    program = ROOT / "services" / "bin" / "tokencounter"
    service = Definition("one", program, "-o", tmp_path / "mine.json", (), "--validate", "ready", True, False)
    assert service.is_ours
    assert (await validate(service, files["bad"])).valid
    result = await validate(service, files["bad"], files["good"])
    assert not result.valid
    assert any(b"is in force now" in line for line in result.problems)
    assert (await validate(service, files["without"], files["good"])).valid


async def test_programs_of_others_are_called_as_ever(tmp_path):
    """They may not know what `--in-force` is."""
    service = program(tmp_path, f'test "$*" = "-o {tmp_path}/candidate --validate -a x"')
    assert not service.is_ours
    assert (await validate(service, tmp_path / "candidate", tmp_path / "good")).valid


def test_problems_are_said_once():
    """Our services say them as JSON and for people: the JSON lines that matter are taken."""
    out = b'{"level":"INFO","msg":"a"}\n{"level":"ERROR","msg":"b"}\n{"level":"WARN","msg":"c"}\n'
    assert problem_lines(out, b"error: b\n") == (b'{"level":"ERROR","msg":"b"}', b'{"level":"WARN","msg":"c"}')
    assert problem_lines(b"plain\n\n", b"error: b\n") == (b"plain", b"error: b")
