"""Deployment: what it changes, whether it is allowed, and doing it."""

from __future__ import annotations

import asyncio

from aiohttp import web

from gecholog.logs import Log
from gecholog.validation import Validation, ValidationFailed
from services.gui.configuration.opened import Opened, audit, editor, flow_problems, opened, require_edit, work
from services.gui.drafts.draft import DraftState
from services.gui.drafts.draft_store import Conflict, InvalidDraft
from services.gui.drafts.secret_flow import FlowProblem
from services.gui.drafts.text_diff import count, diff
from services.gui.drafts.write_error import CannotWrite
from services.gui.roles import Permission
from services.gui.web.visit import Refused, Visit

log = Log("configuration")


async def show(visit: Visit) -> web.StreamResponse:
    """What a deployment would change."""
    return await _page(await opened(visit))


async def _page(found: Opened, status: int = 200, problem: str = "") -> web.Response:
    state = found.state
    deployed = "" if state.deployed is None else found.shown(state.deployed)
    rows = await asyncio.to_thread(diff, deployed, found.shown(state.data))
    flows = found.flow_problems()
    return found.visit.page(
        "deploy.html",
        status,
        **found.context,
        title="Deploy",
        rows=rows,
        changes=count(rows),
        flows=flows,
        refused=refused_flows(found.visit, flows),
        problem=problem,
        can_deploy=found.may_edit
        and found.is_valid
        and not state.is_deployed
        and not refused_flows(found.visit, flows),
    )


def refused_flows(visit: Visit, problems: tuple[FlowProblem, ...]) -> tuple[FlowProblem, ...]:
    """Those that this visitor may not deploy."""
    is_admin = visit.allows(Permission.EDIT_PROGRAMS)
    return tuple(one for one in problems if one.for_everybody or not is_admin)


async def put_in_place(found: Opened, expected: str, expected_deployed: str | None) -> DraftState:
    """Make the draft the production file, and write it to the audit log.

    `expected` and `expected_deployed` are the checksums that the editor has seen. Raises Refused for secrets that would
    go elsewhere, Conflict, InvalidDraft, ValidationFailed, CannotWrite; nothing has changed then.
    """
    visit = found.visit

    async def check(data: bytes) -> Validation:
        if problems := refused_flows(visit, flow_problems(found, data, found.state.deployed)):
            raise Refused(403, problems[0].message)
        return await visit.deps.desk.validate(found.file, data, work(visit), fresh=True)

    # A deployment that has begun ends, also if the browser goes away.
    deploying = asyncio.ensure_future(found.store.deploy(expected, expected_deployed, check, editor(visit)))
    state = await asyncio.shield(deploying)
    await audit(visit, "deploy config", found.file, found.state.deployed_sha256, state.sha256)
    return state


async def deploy(visit: Visit) -> web.StreamResponse:
    """Make the draft the production file."""
    found = await opened(visit)
    require_edit(visit, found.file)
    try:
        await put_in_place(found, visit.form.get("expected", ""), visit.form.get("expected_deployed") or None)
    except Conflict as error:
        return await _page(await opened(visit), 409, str(error))
    except InvalidDraft:
        return await _page(await opened(visit), 422, "The draft is invalid.")
    except ValidationFailed as error:
        return await _page(found, 503, str(error))
    except CannotWrite as error:
        log.error("cannot write the config file", file=str(found.file.production), reason=str(error))
        return await _page(found, 503, f"{error}.")
    visit.flash(f"{found.file.production.name} is deployed.")
    return visit.redirect(f"/config/{found.file.name}")
