"""Where a visitor is in a tutorial, and how it goes on. Pure.

`?tutorial=N` chooses a step. It is remembered for the session, because a form that is sent leads to an address
without it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.gui.tutorials.catalogue import TUTORIALS
from services.gui.tutorials.step import Step, Tutorial

_STEPS = {str(step.number): (tutorial, step) for tutorial in TUTORIALS for step in tutorial.steps}
_ASIDE = frozenset({309, 406})  # keeping a version: they are not in the row, and lead back to the deployment


@dataclass(frozen=True, slots=True)
class Progress:
    """A tutorial under way. `started` is Unix time: only what happened since then counts for its goals."""

    tutorial: Tutorial
    step: Step
    started: float

    @property
    def row(self) -> tuple[Step, ...]:
        """The steps in their order."""
        return tuple(step for step in self.tutorial.steps if step.number not in _ASIDE)

    @property
    def place(self) -> int:
        """The number of the step in the row, from 1; of an aside that of the step to which it returns."""
        if self.step.number in _ASIDE:
            return len(self.row) - 1
        return self.row.index(self.step) + 1

    @property
    def previous(self) -> Step | None:
        return self.row[self.place - 2] if self.place > 1 else None

    @property
    def following(self) -> Step | None:
        if self.step.number in _ASIDE:
            return self.row[self.place - 1]
        return self.row[self.place] if self.place < len(self.row) else None


def step_of(number: str) -> tuple[Tutorial, Step] | None:
    """The step with a number, and its tutorial, or None."""
    return _STEPS.get(number)


def chosen(number: str, path: str, before: Progress | None, now: float) -> Progress | None:
    """The progress with the step that an address names; or None if it is not on this page."""
    if (found := step_of(number)) is None or not found[1].is_on(path):
        return None
    tutorial, step = found
    is_same = before is not None and before.tutorial is tutorial
    return Progress(tutorial, step, before.started if is_same and before is not None else now)


def moved(progress: Progress, path: str) -> Progress:
    """The progress on another page: what the step asked for may have led to the page of the next one."""
    if progress.step.is_on(path):
        return progress
    following = progress.following
    return replace(progress, step=following) if following is not None and following.is_on(path) else progress
