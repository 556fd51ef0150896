"""A service's own program is asked about config files."""

import os
import stat
from pathlib import Path

import pytest

from gecholog.finding import Finding, Severity
from gecholog.validation import ValidationFailed, Validator, schema_of, validate
from tests.support.process import ROOT, environment_of

SMALL = Path(__file__).with_name("small_service.py")


def script(folder, text):
    file = folder / "program"
    file.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


@pytest.fixture
def small(tmp_path):
    python = ROOT / ".venv" / "bin" / "python"
    program = script(tmp_path, f'exec "{python}" "{SMALL}" "$@"')
    return Validator(program, environ=environment_of(tmp_path / "app", {}))


async def test_valid(small, config_file):
    """The checksum is that of the bytes, so that the caller knows what was validated."""
    config_file.write(entries=[{"name": "aa"}, {"name": "bb", "size": 10}])
    found = await validate(small, config_file.path)
    assert found.valid
    assert len(found.sha256) == 64
    assert [(one.list, one.name, one.is_unset) for one in found.left_out] == [("entries", "bb", False)]
    assert [one.pointer for one in found.warnings] == ["/entries/1/size"]


async def test_invalid(small, config_file):
    config_file.write(number="x", version=1)
    found = await validate(small, config_file.path)
    assert not found.valid
    assert found.sha256 is None
    assert [(one.pointer, one.message) for one in found.errors] == [
        ("/version", "must be a string"),
        ("/number", "must be an integer"),
    ]


async def test_a_reload_that_would_lose_an_entry(small, config_file, tmp_path):
    config_file.write(entries=[{"name": "kept"}, {"name": "other"}])
    in_force = config_file.path.rename(tmp_path / "in_force.json")
    config_file.write(entries=[{"name": "kept"}, {"name": "other", "size": 10}])
    assert (await validate(small, config_file.path)).valid
    found = await validate(small, config_file.path, in_force)
    assert [one.consequence for one in found.errors] == ["entry other is in force now and would be lost"]


async def test_not_json(small, config_file):
    config_file.write(text="{\n  nonsense")
    found = await validate(small, config_file.path)
    assert [(one.pointer, one.line) for one in found.errors] == [("", 2)]


async def test_schema(small):
    assert (await schema_of(small))["required"] == ["version", "log_level", "mode"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("exit 3", "exit code 3"),
        ("echo broken >&2; exit 1", "broken"),
        ("echo '[1]'", r"\[1\]"),
        ("exec sleep 60", "did not end in 0.3 seconds"),
        ("sleep 60 & exec sleep 60", "did not end in 0.3 seconds"),
    ],
)
async def test_programs_that_do_not_answer(tmp_path, text, reason):
    """They are no verdict about the file."""
    validator = Validator(script(tmp_path, text), timeout_s=0.3 if "sleep" in text else 20)
    with pytest.raises(ValidationFailed, match=reason):
        await validate(validator, tmp_path / "x.json")
    with pytest.raises(ValidationFailed):
        await schema_of(validator)


async def test_a_result_without_findings(tmp_path):
    with pytest.raises(ValidationFailed, match="without a result"):
        await validate(Validator(script(tmp_path, """echo '{"valid": true}'""")), tmp_path / "x.json")


async def test_a_program_that_is_missing(tmp_path):
    with pytest.raises(ValidationFailed, match="cannot be run: No such file"):
        await validate(Validator(tmp_path / "none"), tmp_path / "x.json")


async def test_a_program_of_others(tmp_path):
    """As the original spoke; it is not given options that it does not know."""
    said = '{"msg": "x", "rejected_fields": {"a.B": "url:"}, "validation_errors": {"a.C": "min:1"}}'
    program = script(tmp_path, f"""[ "$*" = "-c f --check -a b" ] || exit 9\necho '{said}'\nexit 1""")
    validator = Validator(program, "-c", "--check", ("-a", "b"), speaks_json=False)
    found = await validate(validator, Path("f"), tmp_path)
    assert not found.valid
    assert found.findings == (
        Finding(Severity.ERROR, "min:1", path="a.C"),
        Finding(Severity.WARNING, "url:", path="a.B"),
    )


async def test_text_of_a_program_of_others(tmp_path):
    validator = Validator(script(tmp_path, "echo 'line 3: no'; exit 1"), speaks_json=False)
    assert [one.message for one in (await validate(validator, Path("f"))).errors] == ["line 3: no"]


async def test_environment_and_folder(tmp_path):
    program = script(tmp_path, 'printf \'{"title": "%s %s"}\' "$NAME" "$PWD"')
    validator = Validator(program, environ={"NAME": "x", "PATH": os.environ["PATH"]}, folder=tmp_path)
    assert await schema_of(validator) == {"title": f"x {tmp_path}"}
