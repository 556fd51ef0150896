"""Asks `services.gl.resolve` what a model name means to a draft. Nothing is called."""

from __future__ import annotations

from dataclasses import dataclass

from services.gui.drafts.config_desk import ConfigDesk, write_new
from services.gui.drafts.program_run import run_module

_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class DryRun:
    """A model name, the last message of the user, and what a classifier would answer (empty: not known)."""

    model: str
    prompt: str = ""
    rating: str = ""


async def dry_run(desk: ConfigDesk, data: bytes, query: DryRun) -> str:
    """The candidates that the gateway would try with this config, as text. Raises OSError."""
    file = desk.store("gl").file
    candidate = desk.candidate(file)
    rating = query.rating.strip()
    words = ["-o", str(candidate), f"--prompt={query.prompt}", *((f"--rating={rating}",) if rating.isdigit() else ())]
    try:
        write_new(candidate, data)
        _, text = await run_module("services.gl.resolve", [*words, "--", query.model], desk.environment(), _TIMEOUT_S)
    except TimeoutError:
        return "The dry run did not end in time."
    finally:
        candidate.unlink(missing_ok=True)
    return text.replace(str(candidate), file.production.name)
