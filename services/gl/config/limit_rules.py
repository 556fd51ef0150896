"""The rules for quotas and budgets that the schema of gl_config.json cannot express. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gecholog.quota.limits import LimitError, budget_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gecholog.positions import Path
    from gecholog.schema import Violation


def budgets(values: dict[str, Any]) -> Iterator[Violation]:
    """A budget has either usd or tokens, and a time zone that is known."""
    yield from _wrong(values, ())
    for index, router in enumerate(values.get("routers", ())):
        yield from _wrong(router, ("routers", index))


def _wrong(entry: dict[str, Any], place: Path) -> Iterator[Violation]:
    if "budget" not in entry:
        return
    try:
        budget_of(entry["budget"])
    except LimitError as error:
        yield (*place, *error.field.split(".")), error.rule
