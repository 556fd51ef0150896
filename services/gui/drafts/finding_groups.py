"""Findings as people read them: what is wrong with an entry at once, and what the deployed file has as well. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from gecholog.finding import Finding, Severity

_POSITION = re.compile(r"\[\d+\]")  # of an entry in its list

_Key = tuple[Severity, str, str, str]


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """Findings that are told at once. `unset` are the variables because of which an entry is left out."""

    findings: tuple[Finding, ...]
    unset: tuple[str, ...] = ()

    @property
    def severity(self) -> str:
        return self.findings[0].severity.value

    @property
    def consequence(self) -> str:
        return self.findings[0].consequence


def grouped(findings: Iterable[Finding]) -> list[FindingGroup]:
    """The findings in their order; those of an entry that is left out for its variables are one group."""
    found: dict[object, list[Finding]] = {}
    for number, one in enumerate(findings):
        found.setdefault((one.severity, one.consequence) if one.consequence and one.unset else number, []).append(one)
    return [
        FindingGroup(tuple(group), tuple(dict.fromkeys(name for one in group for name in one.unset if one.consequence)))
        for group in found.values()
    ]


def parted(findings: Iterable[Finding], before: Iterable[Finding]) -> tuple[list[Finding], list[Finding]]:
    """The findings that are new, and the warnings that were there before, perhaps at another position."""
    known = Counter(map(_key, before))
    new: list[Finding] = []
    old: list[Finding] = []
    for one in findings:
        is_old = one.severity is Severity.WARNING and known[_key(one)] > 0
        known[_key(one)] -= is_old
        (old if is_old else new).append(one)
    return new, old


def _key(one: Finding) -> _Key:
    return one.severity, _POSITION.sub("[]", one.path), one.message, _POSITION.sub("[]", one.consequence)
