"""Asks `services.gl.resolve` what a model name means to a draft. Nothing is called."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.gui.drafts.config_desk import ConfigDesk, Work, write_new
from services.gui.drafts.program_run import run_module

_TIMEOUT_S = 20.0
_ADDRESS = re.compile(r"^(  [0-9]+\. .*?  \S+) at \S+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class DryRun:
    """A model name, the last message of the user, and what a classifier would answer (empty: not known)."""

    model: str
    prompt: str = ""
    rating: str = ""


async def dry_run(desk: ConfigDesk, data: bytes, query: DryRun, work: Work) -> str:
    """The candidates that the gateway would try with this config, as text without their addresses.

    Raises CannotWrite, OSError, TooBusy.

    Addresses are those with variables filled in, which not everybody may see.
    """
    file = desk.store("gl").file
    candidate = desk.candidate(file)
    rating = query.rating.strip()
    words = ["-o", str(candidate), f"--prompt={query.prompt}", *((f"--rating={rating}",) if rating.isdigit() else ())]
    try:
        async with desk.slots.taken(work.user, is_known=work.is_first):
            write_new(candidate, data)
            words += ["--", query.model]
            _, text = await run_module("services.gl.resolve", words, desk.environment(), _TIMEOUT_S)
    except TimeoutError:
        return "The dry run did not end in time."
    finally:
        candidate.unlink(missing_ok=True)
    return without_addresses(text).replace(str(candidate), file.production.name)


def without_addresses(text: str) -> str:
    """What `services.gl.resolve` prints, without the addresses of the candidates."""
    return _ADDRESS.sub(r"\1", text)
