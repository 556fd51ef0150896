"""Has a service's own program validate config files and print their schema.

The program runs as a process of its own with a time limit, so that a caller need not import the service.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gecholog.errors import GechologError
from gecholog.finding import Finding, Severity

TIMEOUT_S = 20.0
"""Seconds that a program may take."""

_LARGEST_OUTPUT = 16 * 1024 * 1024  # bytes; a program that prints more is not one of ours


class ValidationFailed(GechologError):
    """A program could not be asked, so that nothing is known about the config."""


@dataclass(frozen=True, slots=True)
class Validator:
    """How to call a program. `arguments` follow the options, such as `-a nats2file`; `leading` precede them.

    `speaks_json` is False for a program of others, which has no `--json` and no `--schema`. `environ` is the whole
    environment; None: that of this process. `folder` is the working directory.
    """

    program: Path
    config_option: str = "-o"
    validate_option: str = "--validate"
    arguments: tuple[str, ...] = ()
    leading: tuple[str, ...] = ()
    speaks_json: bool = True
    environ: Mapping[str, str] | None = None
    folder: Path | None = None
    timeout_s: float = TIMEOUT_S


@dataclass(frozen=True, slots=True)
class LeftOutEntry:
    """An entry of a list without which the file is valid: `list` and `name` say which, `reason` why."""

    list: str
    name: str
    shown: str
    reason: str
    is_unset: bool = False


@dataclass(frozen=True, slots=True)
class Validation:
    """The result. `sha256` is that of the validated bytes; None if they are invalid."""

    valid: bool
    findings: tuple[Finding, ...] = ()
    left_out: tuple[LeftOutEntry, ...] = ()
    sha256: str | None = None

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.severity is Severity.WARNING)


async def validate(validator: Validator, candidate: Path, in_force: Path | None = None) -> Validation:
    """Have a program validate the file `candidate`.

    With `in_force`, the file is validated as a reload: it must not lose an entry of that file by a wrong value. Raises
    ValidationFailed if the program cannot be run, hangs, or does not say anything that can be understood.
    """
    words = [validator.config_option, str(candidate), validator.validate_option, *validator.arguments]
    if validator.speaks_json:
        words += ["--json", *(() if in_force is None else ("--in-force", str(in_force)))]
    code, out, err = await _run(validator, words)
    return _own_report(code, out, err) if validator.speaks_json else _foreign_report(code, out, err)


async def schema_of(validator: Validator) -> dict[str, Any]:
    """The JSON Schema of the config files of a program. Raises ValidationFailed."""
    code, out, err = await _run(validator, ["--schema"])
    schema = _json_object(out)
    if code or schema is None:
        raise ValidationFailed(f"{validator.program} prints no schema: {_last_line(err or out) or f'exit code {code}'}")
    return schema


async def _run(validator: Validator, words: Sequence[str]) -> tuple[int, bytes, bytes]:
    """Exit code, standard output and standard error."""
    try:
        process = await asyncio.create_subprocess_exec(
            validator.program,
            *validator.leading,
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            env=validator.environ,
            cwd=validator.folder,
        )
    except OSError as error:
        raise ValidationFailed(f"{validator.program} cannot be run: {error.strerror or error}") from error
    try:
        async with asyncio.timeout(validator.timeout_s):
            out, err = await process.communicate()
    except TimeoutError:
        raise ValidationFailed(f"{validator.program} did not end in {validator.timeout_s:g} seconds") from None
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # the whole group: a child that holds the pipes would block
        await process.wait()
    if len(out) > _LARGEST_OUTPUT:
        raise ValidationFailed(f"{validator.program} prints more than {_LARGEST_OUTPUT} bytes")
    return process.returncode or 0, out, err


def _own_report(code: int, out: bytes, err: bytes) -> Validation:
    lines = out.splitlines() or [b""]
    told = _json_object(lines[-1]) or {}
    try:
        return Validation(
            valid=told["valid"] is True and code == 0,
            findings=tuple(map(Finding.from_json, told["findings"])),
            left_out=(*_entries(told["left_out"]), *_entries(told["not_set"], is_unset=True)),
            sha256=told["sha256"],
        )
    except (LookupError, TypeError, ValueError) as error:
        said = _last_line(err or out) or f"exit code {code}"
        raise ValidationFailed(f"the validation ended without a result: {said}") from error


def _entries(told: Sequence[Mapping[str, Any]], *, is_unset: bool = False) -> tuple[LeftOutEntry, ...]:
    return tuple(LeftOutEntry(one["list"], one["name"], one["entry"], one["reason"], is_unset) for one in told)


def _foreign_report(code: int, out: bytes, err: bytes) -> Validation:
    """What another program says: JSON lines with `rejected_fields` and `validation_errors` (the original), or text."""
    found: list[Finding] = []
    for line in (*out.splitlines(), *err.splitlines()):
        said = _json_object(line)
        if said is None:
            found += [Finding(Severity.ERROR, line.decode("utf-8", "replace"))] if code and line.strip() else []
            continue
        for field, severity in (("validation_errors", Severity.ERROR), ("rejected_fields", Severity.WARNING)):
            told = said.get(field)
            if isinstance(told, dict):
                found += [Finding(severity, str(rule), path=str(path)) for path, rule in told.items()]
    return Validation(valid=code == 0, findings=tuple(found))


def _json_object(data: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _last_line(data: bytes) -> str:
    lines = data.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else ""
