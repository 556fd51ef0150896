"""Validation of config files: new content is checked by the service's own program before it is used."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.ginit.lines import json_fields, replace_all, replacements_of

if TYPE_CHECKING:
    from pathlib import Path

    from services.ginit.config import Definition

TIMEOUT_S = 60.0  # for a validation, which is tried again later; of 1 s of CPU time, a busy machine made 20 s


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """Whether a content is valid, and the lines that say what is wrong with it.

    `timed_out`: the validation was ended before it could tell.
    """

    valid: bool
    problems: tuple[bytes, ...] = ()
    timed_out: bool = False


async def validate(
    service: Definition, candidate: Path, in_force: Path | None = None, timeout_s: float = TIMEOUT_S
) -> ValidationResult:
    """Have the service validate the file `candidate`.

    With `in_force`, a service of ours also rejects a file that would drop an entry in force because of a wrong value.
    """
    arguments = [service.config_command, str(candidate), service.validate_command, *service.additional_arguments]
    if in_force is not None and service.is_ours:
        arguments += ["--in-force", str(in_force)]
    try:
        process = await asyncio.create_subprocess_exec(
            service.program,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        return _invalid(f"the program cannot be run: {error.strerror}".encode())
    try:
        async with asyncio.timeout(timeout_s):
            out, err = await process.communicate()
    except TimeoutError:
        return ValidationResult(valid=False, timed_out=True)
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # the whole group: a child that holds the pipes would block
        await process.wait()
    if process.returncode == 0:
        return ValidationResult(valid=True)
    copies = {str(copy): str(service.configuration_file) for copy in (candidate, in_force) if copy is not None}
    return _invalid(*(replace_all(line, replacements_of(copies)) for line in problem_lines(out, err)))


def _invalid(*problems: bytes) -> ValidationResult:
    return ValidationResult(valid=False, problems=problems)


def problem_lines(out: bytes, err: bytes) -> tuple[bytes, ...]:
    """The lines that say what is wrong. Our services write JSON lines, and the same for people to standard error."""
    as_json = [line for line in out.splitlines() if json_fields(line)]
    if as_json:
        return tuple(line for line in as_json if json_fields(line).get("level") in {"WARN", "ERROR"})
    return tuple(line for line in (*out.splitlines(), *err.splitlines()) if line.strip())
