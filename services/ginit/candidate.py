"""Candidates: a config file's new content is judged by the service's own validation before anything else happens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.ginit.lines import fields, renamed, renaming

if TYPE_CHECKING:
    from pathlib import Path

    from services.ginit.config import Definition

_PATIENCE = 20.0  # seconds; a validation that takes longer hangs


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a content is valid, and the lines that say what is wrong with it."""

    valid: bool
    problems: tuple[bytes, ...] = ()


async def validate(
    service: Definition, candidate: Path, in_force: Path | None = None, patience: float = _PATIENCE
) -> Verdict:
    """Let the service validate the file `candidate`.

    With `in_force`, a service of ours also refuses what would lose an entry in force by a wrong value.
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
        return Verdict(valid=False, problems=(f"the program cannot be run: {error.strerror}".encode(),))
    try:
        async with asyncio.timeout(patience):
            out, err = await process.communicate()
    except TimeoutError:
        return Verdict(valid=False, problems=(f"the validation did not end in {patience:g} seconds".encode(),))
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # all of it: whatever holds the pipes would be waited for
        await process.wait()
    if process.returncode == 0:
        return Verdict(valid=True)
    names = renaming({str(copy): str(service.configuration_file) for copy in (candidate, in_force) if copy is not None})
    return Verdict(valid=False, problems=tuple(renamed(line, names) for line in problem_lines(out, err)))


def problem_lines(out: bytes, err: bytes) -> tuple[bytes, ...]:
    """The lines that say what is wrong. Our services say it as JSON, and again on standard error for people."""
    as_json = [line for line in out.splitlines() if fields(line)]
    if as_json:
        return tuple(line for line in as_json if fields(line).get("level") in {"WARN", "ERROR"})
    return tuple(line for line in (*out.splitlines(), *err.splitlines()) if line.strip())
