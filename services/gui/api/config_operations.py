"""The operations on config files: read a draft, replace it with `If-Match`, deploy it.

They share the rules of the pages.
"""

from __future__ import annotations

import asyncio
from typing import Any

from gecholog.validation import ValidationFailed
from services.gui.api import types
from services.gui.api.operation import Operation
from services.gui.configuration import deploy_page, opened
from services.gui.configuration.opened import Opened
from services.gui.configuration.raw_page import refuse_guesses
from services.gui.drafts.config_file import ConfigFile
from services.gui.drafts.draft import DraftState
from services.gui.drafts.draft_store import Conflict, InvalidDraft
from services.gui.roles import Permission
from services.gui.web.visit import Refused, Visit

_VIEW, _EDIT = Permission.VIEW, Permission.EDIT_CONFIG


def _config(found: Opened) -> types.ConfigOut:
    made = _summary(found.file, found.state)
    made.valid = None if found.validation is None else found.validation.valid
    made.findings = [
        types.ConfigFinding(one.severity.value, one.message, one.pointer, one.line, one.consequence)
        for one in found.findings
    ]
    return made


def _summary(file: ConfigFile, state: DraftState) -> types.ConfigOut:
    """A file without the validation of its draft, which takes a second."""
    return types.ConfigOut(
        name=file.name,
        title=file.title,
        file=str(file.production),
        status=state.status.value,
        reason=state.activation.reason,
        draft_sha256=state.sha256,
        deployed_sha256=state.deployed_sha256,
        in_force_sha256=state.in_force,
        changed_by=state.origin.user if state.is_edited else "",
        valid=None,
        findings=[],
    )


async def list_configs(visit: Visit, _: None) -> list[types.ConfigOut]:
    """All files; their drafts are not validated."""
    stores = list(visit.deps.desk.stores())
    return await asyncio.to_thread(lambda: [_summary(store.file, store.state()) for store in stores])


async def show_config(visit: Visit, _: None) -> types.ConfigOut:
    return _config(await opened.opened(visit))


async def show_config_schema(visit: Visit, _: None) -> dict[str, Any]:
    """The JSON Schema of the file, as the `--schema` of its service prints it."""
    return (await opened.opened(visit)).schema


async def show_draft(visit: Visit, _: None) -> types.ConfigText:
    """The text of the draft; secrets in it are masked for those who may not see them."""
    found = await opened.opened(visit)
    return types.ConfigText(found.shown(found.state.data))


async def replace_draft(visit: Visit, body: types.ConfigText) -> types.ConfigOut:
    """Replace the draft. The header `If-Match` has the checksum of the draft that the change is based on."""
    found = await opened.opened(visit)
    opened.require_edit(visit, found.file)
    if found.has_hidden_secrets:
        raise Refused(403, "the file holds secrets that your role may not see, so you cannot replace its text")
    refuse_guesses(found, body.text)
    expected = visit.request.headers.get("If-Match", "").strip().strip('"')
    if not expected:
        raise Refused(428, "If-Match must have the checksum of the draft: draft_sha256")
    try:
        data = body.text.encode("utf-8", "replace")
        state = await found.store.save(data, expected, opened.editor(visit))
    except Conflict as error:
        raise Refused(412, str(error)) from None
    if state.sha256 != found.state.sha256:
        await opened.audit(visit, "edit config", found.file, found.state.sha256, state.sha256, field="")
    return _config(await opened.opened(visit))


async def deploy_config(visit: Visit, body: types.ConfigDeployment) -> types.ConfigOut:
    """Make the draft the production file. Ask for the file afterwards to see how it comes into force."""
    found = await opened.opened(visit)
    opened.require_edit(visit, found.file)
    try:
        await deploy_page.put_in_place(found, body.draft_sha256, body.deployed_sha256)
    except Conflict as error:
        raise Refused(412, str(error)) from None
    except InvalidDraft as error:
        told = [one.message for one in error.validation.errors[:1]]
        raise Refused(422, ": ".join(["the draft is invalid", *told])) from None
    except ValidationFailed as error:
        raise Refused(503, str(error)) from None
    return _config(await opened.opened(visit))


CONFIG_OPERATIONS = (
    Operation("GET", "/config", _VIEW, "All config files", list_configs, list[types.ConfigOut]),
    Operation("GET", "/config/{file}", _VIEW, "A config file: states and findings", show_config, types.ConfigOut),
    Operation("GET", "/config/{file}/schema", _VIEW, "The JSON Schema of a file", show_config_schema, dict[str, Any]),
    Operation("GET", "/config/{file}/draft", _VIEW, "The text of a draft", show_draft, types.ConfigText),
    Operation(
        "PUT", "/config/{file}/draft", _EDIT, "Replace a draft", replace_draft, types.ConfigOut, types.ConfigText
    ),
    Operation(
        "POST", "/config/{file}/deploy", _EDIT, "Deploy a draft", deploy_config, types.ConfigOut, types.ConfigDeployment
    ),
)
