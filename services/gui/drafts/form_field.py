"""What a form shows: a tree of fields, made from schema, value and findings."""

from __future__ import annotations

from dataclasses import dataclass

from gecholog.finding import Finding, Severity


@dataclass(frozen=True, slots=True)
class Reference:
    """Variables that a value refers to; one of `names` is enough."""

    names: tuple[str, ...]
    is_set: bool

    @property
    def shown(self) -> str:
        return " or ".join(self.names)


@dataclass(frozen=True, slots=True)
class Choice:
    """An entry of a select. `token` is the value as JSON; empty: the field is not in the file."""

    token: str
    label: str


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form. `pointer` says which, `kind` how it is drawn.

    - `object`: `children` are its fields
    - `list`: `children` are its items, of which each can be moved and removed
    - `links`: a list whose items have pages of their own; `children` are without content
    - `map`: an object with free names; `children` are its members
    - `choice`: one of `choices`; also true and false
    - `text`, `number`, `secret`, `json`: `text` is what the input holds

    A secret's literal value is never in `text`; `is_kept` says that there is one.
    """

    pointer: str
    kind: str
    title: str
    description: str = ""
    text: str = ""
    unit: str = ""
    default: str = ""
    is_present: bool = False
    is_required: bool = False
    is_kept: bool = False
    choices: tuple[Choice, ...] = ()
    children: tuple[Field, ...] = ()
    findings: tuple[Finding, ...] = ()
    references: tuple[Reference, ...] = ()
    noun: str = "entry"
    minimum: float | None = None
    maximum: float | None = None

    @property
    def id(self) -> str:
        """The id of the field in the page."""
        return "f" + self.pointer.replace("/", "-").replace("~", "-")

    @property
    def name(self) -> str:
        """The last step of the pointer, as it stands in the file."""
        return self.pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """Those of this field and of all fields in it."""
        return (*self.findings, *(one for child in self.children for one in child.all_findings))

    @property
    def has_errors(self) -> bool:
        return any(one.severity is Severity.ERROR for one in self.all_findings)

    @property
    def state(self) -> str:
        """`invalid`, `has rejected` or `valid`, in the words of the original."""
        found = self.all_findings
        if any(one.severity is Severity.ERROR for one in found):
            return "invalid"
        return "has rejected" if any(one.consequence for one in found) else "valid"
