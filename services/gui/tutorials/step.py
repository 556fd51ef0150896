"""A tutorial and its steps. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from services.gui.roles import Permission


class Goal(StrEnum):
    """What a step waits for: something that has visibly happened."""

    ROUTER_IN_DRAFT = "router in draft"
    ROUTER_VALID = "router valid"
    KEYS_TRANSLATED = "keys translated"
    GATEWAY_DEPLOYED = "gateway deployed"
    FILE_SINK_DEPLOYED = "file sink deployed"
    CALL_SEEN = "call seen"
    CLAUDE_CODE_SEEN = "claude code seen"
    KEY_MADE = "key made"
    KEY_USED = "key used"


@dataclass(frozen=True, slots=True)
class Page:
    """A page on which a step takes place, and the fields of its address that lead there."""

    path: str
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `number` is what addresses call it; `text` has code between backticks.

    It takes place on `pages`; a link to it leads to the first. `mark` selects what to use there, in CSS. The last step
    of a tutorial has a goal.
    """

    number: int
    pages: tuple[Page, ...]
    text: str
    goal: Goal | None = None
    mark: str = ""

    def is_on(self, path: str) -> bool:
        """Whether it takes place on this page."""
        return any(page.path == path for page in self.pages)


@dataclass(frozen=True, slots=True)
class Tutorial:
    """A tutorial; `permission` is what its steps take."""

    name: str
    title: str
    about: str
    minutes: int
    permission: Permission
    steps: tuple[Step, ...]

    @property
    def first(self) -> Step:
        return self.steps[0]
