"""What `--validate` says about a config file, as values and as the JSON of `--validate --json`. Pure.

    {"valid": true, "file": "gl_config.json", "sha256": "…",
     "findings": [{"severity": "warning", "pointer": "/routers/2/outbound/url", "path": "routers[2].outbound.url",
                   "line": 45, "message": "must be …", "consequence": "router /a/ is left out", "unset": ["API_BASE"]}],
     "left_out": [{"list": "routers", "name": "/a/", …}], "not_set": [{"list": "providers", …}]}

`left_out` and `not_set` are entries of lists as in the report beside the checksum file (`gecholog.health`): those with
invalid values, and those whose optional variables have no value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from gecholog.entries import LeftOut
from gecholog.errors import Problem


class Severity(Enum):
    """An error makes the file invalid; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. The fields are those of `gecholog.errors.Problem`; `message` is its rule."""

    severity: Severity
    message: str
    pointer: str = ""
    path: str = ""
    line: int | None = None
    consequence: str = ""
    unset: tuple[str, ...] = ()

    @classmethod
    def of(cls, problem: Problem, severity: Severity) -> Finding:
        """The finding for a problem."""
        return cls(
            severity, problem.rule, problem.pointer, problem.path, problem.line, problem.consequence, problem.unset
        )

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Finding:
        """The finding that `as_json` wrote. Raises ValueError or LookupError if it is not one."""
        line = value.get("line")
        return cls(
            severity=Severity(value["severity"]),
            message=str(value["message"]),
            pointer=str(value.get("pointer", "")),
            path=str(value.get("path", "")),
            line=line if isinstance(line, int) else None,
            consequence=str(value.get("consequence", "")),
            unset=tuple(map(str, value.get("unset", ()))),
        )

    @property
    def as_json(self) -> dict[str, Any]:
        return {
            "severity": self.severity.value,
            "pointer": self.pointer,
            "path": self.path,
            "line": self.line,
            "message": self.message,
            "consequence": self.consequence,
            "unset": list(self.unset),
        }


def findings(errors: Iterable[Problem], warnings: Iterable[Problem]) -> Iterator[Finding]:
    """All findings, the errors first."""
    yield from (Finding.of(problem, Severity.ERROR) for problem in errors)
    yield from (Finding.of(problem, Severity.WARNING) for problem in warnings)


def report(
    source: str,
    sha256: str | None,
    found: Iterable[Finding],
    left_out: Iterable[LeftOut] = (),
    not_set: Iterable[LeftOut] = (),
) -> dict[str, Any]:
    """The JSON of `--validate --json`. `sha256` is None if the file is invalid."""
    return {
        "valid": sha256 is not None,
        "file": source,
        "sha256": sha256,
        "findings": [one.as_json for one in found],
        "left_out": [one.report for one in left_out],
        "not_set": [one.report for one in not_set],
    }
