"""Whether the goal of a step has been reached, from what the interface knows. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.gui.live.record import CallSummary
from services.gui.tutorials.step import Goal


@dataclass(frozen=True, slots=True)
class Seen:
    """What has happened. `link` is a path of the interface where it can be seen; `time` is Unix time."""

    text: str
    is_reached: bool = False
    time: float | None = None
    link: str = ""


@dataclass(frozen=True, slots=True)
class DraftFacts:
    """A config file: the values of the draft and of the deployed file, and how far the draft has come."""

    draft: Mapping[str, Any]
    deployed: Mapping[str, Any]
    rejected: frozenset[str] = frozenset()  # paths of routers with findings
    is_valid: bool = False
    is_in_force: bool = False
    is_off: bool = False


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A client key."""

    name: str
    created: float
    has_budget: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What a goal may need. `calls` has the newest first; only what happened since `started` counts."""

    started: float
    gateway: DraftFacts | None = None
    sink: DraftFacts | None = None
    calls: Sequence[CallSummary] = ()
    keys: Sequence[KeyFacts] = ()


def seen(goal: Goal, facts: Facts) -> Seen:
    """Whether the goal has been reached, in a sentence."""
    return _GOALS[goal](facts)


def _new_routers(facts: DraftFacts) -> list[Mapping[str, Any]]:
    """The routers of the draft that the deployed file does not have in this form."""
    deployed = facts.deployed.get("routers")
    known = deployed if isinstance(deployed, list) else []
    routers = facts.draft.get("routers")
    return [one for one in routers if isinstance(one, dict) and one not in known] if isinstance(routers, list) else []


def _router_in_draft(facts: Facts) -> Seen:
    if facts.gateway is None or not _new_routers(facts.gateway):
        return Seen("waiting for a new router in the draft")
    return Seen("Seen: the draft has a router that is not deployed.", is_reached=True, link="/routers")


def _is_valid(router: Mapping[str, Any], facts: DraftFacts) -> bool:
    return bool(router.get("path")) and router.get("path") not in facts.rejected


def _router_valid(facts: Facts) -> Seen:
    return _valid_router(facts, lambda _: True, "waiting for a new router without findings", "")


def _keys_translated(facts: Facts) -> Seen:
    def translates(router: Mapping[str, Any]) -> bool:
        sides = [router.get(side) for side in ("ingress", "outbound")]
        return all(isinstance(side, dict) and side.get("headers") for side in sides)

    waiting = "waiting for a new router with headers on both sides"
    return _valid_router(facts, translates, waiting, ", and replaces keys")


def _valid_router(facts: Facts, fits: Callable[[Mapping[str, Any]], bool], waiting: str, more: str) -> Seen:
    if (gateway := facts.gateway) is None:
        return Seen(waiting)
    found = [one for one in _new_routers(gateway) if fits(one) and _is_valid(one, gateway)]
    if not found:
        return Seen(waiting)
    path = found[-1]["path"]
    return Seen(f"Seen: the router {path} of the draft is valid{more}.", is_reached=True, link="/routers")


def _gateway_deployed(facts: Facts) -> Seen:
    if facts.gateway is None or not facts.gateway.is_in_force:
        return Seen("waiting for the gateway to report the draft as the config in force")
    return Seen("Seen: the gateway has this config in force.", is_reached=True, link="/config/gl")


def _file_sink_deployed(facts: Facts) -> Seen:
    if facts.sink is None or not facts.sink.is_in_force:
        return Seen("waiting for nats2file to report the draft as the config in force")
    if facts.sink.is_off:
        return Seen("nats2file has this config in force, and is off: the logger topic is not that of the gateway")
    return Seen("Seen: nats2file is on, and writes each call to the file.", is_reached=True, link="/mainmenu")


def _call(facts: Facts, fits: Callable[[CallSummary], bool], waiting: str) -> Seen:
    found = next((one for one in facts.calls if one.started >= facts.started and fits(one)), None)
    if found is None:
        return Seen(waiting)
    named = f" by {found.client}" if found.client else ""
    cost = f", cost ${found.cost_usd:.6f}" if found.cost_usd is not None else ""
    text = f"Seen: your call to {found.router}{named}, status {found.status}{cost}, is in Live."
    return Seen(text, is_reached=True, time=found.started, link=f"/logs/{found.transaction_id}")


def _call_seen(facts: Facts) -> Seen:
    return _call(facts, lambda _: True, "waiting for a call")


def _claude_code_seen(facts: Facts) -> Seen:
    return _call(facts, lambda one: "messages" in one.subpath, "waiting for a call to /v1/messages")


def _made_keys(facts: Facts) -> list[KeyFacts]:
    return [key for key in facts.keys if key.has_budget and key.created >= int(facts.started)]


def _key_made(facts: Facts) -> Seen:
    made = _made_keys(facts)
    if not made:
        return Seen("waiting for a new key with a budget")
    return Seen(f"Seen: the key {made[-1].name} has a budget.", is_reached=True, time=made[-1].created, link="/keys")


def _key_used(facts: Facts) -> Seen:
    names = {key.name for key in _made_keys(facts)}
    if not names:
        return Seen("waiting for a new key with a budget")
    return _call(facts, lambda one: one.client in names, f"waiting for a call with the key {', '.join(sorted(names))}")


_GOALS: Mapping[Goal, Callable[[Facts], Seen]] = {
    Goal.ROUTER_IN_DRAFT: _router_in_draft,
    Goal.ROUTER_VALID: _router_valid,
    Goal.KEYS_TRANSLATED: _keys_translated,
    Goal.GATEWAY_DEPLOYED: _gateway_deployed,
    Goal.FILE_SINK_DEPLOYED: _file_sink_deployed,
    Goal.CALL_SEEN: _call_seen,
    Goal.CLAUDE_CODE_SEEN: _claude_code_seen,
    Goal.KEY_MADE: _key_made,
    Goal.KEY_USED: _key_used,
}
