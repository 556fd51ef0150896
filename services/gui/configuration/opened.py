"""A config file as a page sees it: draft, schema, validation, and what the visitor may do with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gecholog import environment
from gecholog.environment import FILE
from gecholog.errors import NotJson
from gecholog.finding import Finding
from gecholog.schema import Schema
from gecholog.validation import Validation, ValidationFailed
from services.gui.drafts import guesses, secret_flow
from services.gui.drafts.config_desk import Work
from services.gui.drafts.config_file import ConfigFile
from services.gui.drafts.draft import DraftState, Phase
from services.gui.drafts.draft_store import DraftError, DraftStore, Editor
from services.gui.drafts.finding_groups import FindingGroup, grouped, parted
from services.gui.drafts.form_build import FormSource
from services.gui.drafts.json_document import Document
from services.gui.drafts.protection import protection_problems
from services.gui.drafts.secret_flow import FlowProblem
from services.gui.drafts.secret_values import masked, secrets_in
from services.gui.drafts.write_error import CannotWrite
from services.gui.roles import Permission
from services.gui.web.visit import Refused, Visit


@dataclass(frozen=True, slots=True)
class Opened:
    """A config file with its draft. `document` is None if the draft is not JSON, `validation` if it has failed.

    `deployed_findings` are those of the deployed file, as far as they are known already.
    """

    visit: Visit
    store: DraftStore
    state: DraftState
    text: str
    document: Document | None
    schema: Schema
    validation: Validation | None
    failure: str = ""
    deployed_findings: tuple[Finding, ...] = ()

    @property
    def file(self) -> ConfigFile:
        return self.store.file

    @property
    def findings(self) -> tuple[Finding, ...]:
        return () if self.validation is None else self.validation.findings

    @property
    def all_findings(self) -> list[FindingGroup]:
        return grouped(self.findings)

    @property
    def new_findings(self) -> list[FindingGroup]:
        """The findings that the deployed file does not have."""
        return grouped(parted(self.findings, self.deployed_findings)[0])

    @property
    def old_findings(self) -> list[FindingGroup]:
        """The warnings that the deployed file has as well."""
        return grouped(parted(self.findings, self.deployed_findings)[1])

    @property
    def is_valid(self) -> bool:
        return self.validation is not None and self.validation.valid

    @property
    def is_pending(self) -> bool:
        """Whether the deployed file is on its way into force."""
        return self.state.activation.phase is Phase.PENDING

    @property
    def may_edit(self) -> bool:
        return may_edit(self.visit, self.file)

    @property
    def may_see_secrets(self) -> bool:
        return self.visit.allows(Permission.EDIT_PROGRAMS)

    @property
    def has_hidden_secrets(self) -> bool:
        """Whether the draft holds secrets that this visitor may not see."""
        if self.may_see_secrets:
            return False
        if self.document is None:  # nobody can tell where its secrets are
            return self.visit.user.name != self.state.origin.user
        return bool(secrets_in(self.document, self.schema))

    def require_document(self) -> Document:
        """The draft as JSON. Raises Refused."""
        if self.document is None:
            raise Refused(422, f"the draft is not JSON, open it in the raw editor: {self.failure}")
        return self.document

    def form_source(self) -> FormSource:
        """What forms are drawn from."""
        return FormSource(self.schema, self.require_document(), self.findings, self._is_set)

    def _is_set(self, name: str) -> bool:
        """Whether a reference has a value. Of files only those that are deployed: a draft must not look for others."""
        if name.startswith(FILE):
            deployed = environment.names_in((self.state.deployed or b"").decode("utf-8-sig", "replace"))
            return (name,) in deployed and self.visit.deps.desk.is_set(name)
        return self.visit.deps.desk.is_set(name)

    def shown(self, data: bytes) -> str:
        """A content of the file as this visitor may see it."""
        text = data.decode("utf-8-sig", "replace")
        if self.may_see_secrets:
            return text
        try:
            return masked(Document.of(text), self.schema).text
        except NotJson:
            own = data == self.state.data and not self.has_hidden_secrets
            return text if own else "This version is not JSON. Only an admin may see it, because it may hold secrets."

    def refuse_guesses(self, changed: Document, posted: Iterable[tuple[str, str]] = ()) -> None:
        """Raise Refused if a visitor who may not see the secrets of the file writes one into it."""
        if self.may_see_secrets or not (self.has_hidden_secrets or self._deployed_has_secrets()):
            return
        before = self.document or Document.of("{}")  # a text that is no JSON keeps no secret
        if guesses.writes_secret(before, changed, self.schema, posted):
            raise Refused(403, guesses.REFUSAL)

    def _deployed_has_secrets(self) -> bool:
        try:
            document = Document.of((self.state.deployed or b"").decode("utf-8-sig", "replace"))
        except NotJson:
            return False
        return bool(secrets_in(document, self.schema))

    def flow_problems(self) -> tuple[FlowProblem, ...]:
        """Secrets that the draft would send to other addresses than the deployed file does."""
        if self.document is None:
            return ()
        return flow_problems(self, self.state.data, self.state.deployed)

    @property
    def context(self) -> dict[str, Any]:
        """What templates of all pages about a file need."""
        return {"opened": self, "file": self.file, "state": self.state, "may_edit": self.may_edit}


def flow_problems(opened: Opened, draft: bytes, deployed: bytes | None) -> tuple[FlowProblem, ...]:
    """What `draft` does with secrets and files that `deployed` does not."""
    return _flow_problems(opened.visit, opened.file.name, opened.schema, draft, deployed)


def _flow_problems(
    visit: Visit, name: str, schema: Schema, draft: bytes, deployed: bytes | None
) -> tuple[FlowProblem, ...]:
    new, old = _value(draft), None if deployed is None else _value(deployed)
    if new is None:  # with variables filled in it may be JSON, as `"\u${X}"`
        return (FlowProblem("it is not JSON, so nobody can tell where it would send secrets", for_everybody=False),)
    if draft != deployed and rb"\u0024" in draft:  # `\u0024${X}` is filled in, but reads like the escaped `$${X}`
        return (FlowProblem("it has a dollar sign written as \\u0024, which may hide a variable", for_everybody=False),)
    sent, sent_now = secret_flow.flows(new, schema), secret_flow.flows(old, schema)
    is_own = visit.deps.desk.is_own_file
    found = secret_flow.problems(sent, sent_now, is_gui=name == "gui", is_own_file=is_own)
    return (*found, *secret_flow.file_problems(new, old), *protection_problems(new, old))


def _value(data: bytes) -> Any:
    try:
        return Document.of(data.decode("utf-8-sig", "replace")).value()
    except NotJson:
        return None


def may_edit(visit: Visit, file: ConfigFile) -> bool:
    """Tell whether a visitor may change a file."""
    return visit.allows(Permission.EDIT_PROGRAMS if file.names_programs else Permission.EDIT_CONFIG)


def require_edit(visit: Visit, file: ConfigFile) -> None:
    """Raise Refused unless the visitor may change a file."""
    if not may_edit(visit, file):
        raise Refused(403, f"only an admin may change the config of {file.name}, which names programs")


def store_of(visit: Visit, name: str = "") -> DraftStore:
    """The file that the address names. Raises Refused."""
    name = name or visit.request.match_info["file"]
    try:
        return visit.deps.desk.store(name)
    except LookupError:
        raise Refused(404, "there is no config file of this name") from None


async def opened(visit: Visit, name: str = "", *, fresh: bool = False) -> Opened:
    """Read and validate a draft. `fresh`: validate it again. Raises Refused."""
    store, desk = store_of(visit, name), visit.deps.desk
    try:
        state = store.state()
    except DraftError as error:
        raise Refused(503, str(error)) from error
    try:
        schema = await desk.schema(store.file)
    except (ValidationFailed, OSError) as error:
        raise Refused(503, str(error)) from error
    is_admin, name = visit.allows(Permission.EDIT_PROGRAMS), store.file.name
    problems = () if is_admin else _flow_problems(visit, name, schema, state.data, state.deployed)
    tried: Validation | ValidationFailed | CannotWrite | OSError
    if problems:  # what a validation says may show values, as may how long it takes
        tried = ValidationFailed(f"only an admin may do so, because {problems[0].message}")
    else:
        try:
            tried = await desk.validate(store.file, state.data, work(visit), fresh=fresh)
        except (ValidationFailed, CannotWrite, OSError) as error:
            tried = error
    text = state.data.decode("utf-8-sig", "replace")
    failure, document = "", None
    try:
        document = Document.of(text)
    except NotJson as error:
        failure = str(error)
    validation = None if isinstance(tried, BaseException) else tried
    if isinstance(tried, BaseException):
        failure = failure or str(tried)
    known = () if state.deployed is None or problems else desk.known_findings(store.file, state.deployed)
    return Opened(visit, store, state, text, document, schema, validation, failure, known)


def work(visit: Visit) -> Work:
    """For whom a program runs."""
    return Work(visit.user.name, visit.allows(Permission.EDIT_PROGRAMS))


def editor(visit: Visit) -> Editor:
    """Who changes something."""
    return Editor(visit.user.name, visit.now)


async def audit(
    visit: Visit, action: str, file: ConfigFile, before: str | None, after: str | None, **more: Any
) -> None:
    """Write to the audit log what a visitor does with a config file. `before` and `after` are checksums."""
    await visit.audit(action, file.name, before=before or "", after=after or "", **more)
