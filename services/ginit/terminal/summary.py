"""The summary at the end of the start: services, routers, where the files are, and a first call. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gecholog.left_out import phrases
from services.ginit.printable import printable
from services.ginit.terminal.installation import SERVING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from services.ginit.terminal.gateway_summary import RouterSummary
    from services.ginit.terminal.installation import Installation
    from services.ginit.terminal.palette import Palette

_CALL = """curl -s http://localhost:{port}/dummy/v1/chat/completions -H 'Content-Type: application/json' \\
    -d '{{"model": "dummy", "messages": [{{"role": "user", "content": "Hello"}}]}}'"""
_GATEWAY_PORT = 5380
_GUI = "gui"
_MOST_NAMED = 5  # new fields of a file


def render(
    state: Mapping[str, Any],
    installation: Installation,
    palette: Palette,
    *,
    services_shown: bool = False,
) -> Iterator[str]:
    """The whole summary, as lines. `services_shown`: the healthy services have been shown already."""
    if not (services_shown and state.get("healthy")):
        yield from services(state, installation, palette)
        yield ""
    reports = installation.reports()
    if installation.gateway is not None:
        yield from routers(
            installation.gateway.routers, {name for report in reports for name in _routers(report)}, palette
        )
    left_out = (phrase for report in reports for phrase in phrases(report["left_out"]))
    yield from (palette.yellow(f"  left out: {printable(phrase)}") for phrase in left_out)
    yield from upgrade_hints(installation.new_fields())
    yield ""
    running = {service["name"] for service in state["services"] if service["state"] == "healthy"}
    serving = {name: port for name, port in installation.ports.items() if name in running or name != _GUI}
    yield from first_steps(installation.home, serving, installation.first_key)


def services(state: Mapping[str, Any], installation: Installation, palette: Palette) -> Iterator[str]:
    """A line for each service: its name, its state, and its port or what is wrong with it.

    `state` is the content of `run/state.json`. A service that is healthy and has nothing to do is `off`.
    """
    width = max((len(service["name"]) for service in state["services"]), default=0)
    for service in state["services"]:
        name = service["name"]
        off = service["state"] == "healthy" and installation.is_off(name)
        phase = f"{'off' if off else service['state']:8}"
        colour = palette.dim if off else palette.green if service["state"] == "healthy" else palette.red
        where = printable(_where(service, installation))
        yield f"  {printable(name):{width}}  {colour(phase)}  {where}".rstrip()


def _where(service: Mapping[str, Any], installation: Installation) -> str:
    """The port of a service, or what is wrong with it, and what to do about a port that is taken."""
    if (taken := installation.taken_port(service)) is not None:
        return f"port {taken.number} is taken by another program: end that program, or set another port in {taken.file}"
    if service["state"] not in SERVING and service["reason"]:
        return str(service["reason"])
    port = installation.ports.get(service["name"])
    return str(service["reason"]) if port is None else f"port {port}"


def routers(found: tuple[RouterSummary, ...], missing: AbstractSet[str], palette: Palette) -> Iterator[str]:
    """A line for each router, except those whose paths are in `missing`."""
    serving = [router for router in found if router.path not in missing]
    width = max((len(router.path) for router in serving), default=0)
    for router in serving:
        yield f"  {printable(router.path):{width}}  {palette.dim(printable(router.destination))}"


def _routers(report: Mapping[str, Any]) -> set[str]:
    """The paths of the routers that a service left out."""
    return {entry["name"] for entry in report["left_out"] if entry["list"] == "routers"}


def upgrade_hints(found: Iterable[tuple[str, Sequence[str]]]) -> Iterator[str]:
    """A line for each config file that the user has edited, with the fields that the shipped one has gained."""
    for name, new in found:
        more = f" and {len(new) - _MOST_NAMED} more" if len(new) > _MOST_NAMED else ""
        yield f"  {name} is yours; new in the shipped file: {', '.join(new[:_MOST_NAMED])}{more}: make config-diff"


def first_steps(home: Path, ports: Mapping[str, int], first_key: Path | None = None) -> Iterator[str]:
    """Where the files are, and a call to try."""
    yield f"  config      {home}/conf"
    yield f"  call log    {home}/log/gecholog.jsonl"
    if _GUI in ports:
        secret = home / "secrets" / "GUI_SECRET"
        password = f"the password is in {secret}" if secret.exists() else "with your password"
        yield f"  web         http://localhost:{ports[_GUI]} (sign in as admin, {password})"
    if first_key is not None:
        yield f"  client key  {first_key} (clients on other machines need it)"
    yield ""
    yield "Try it from another terminal (Ctrl-C here ends the appliance):"
    yield ""
    yield f"  {_CALL.format(port=ports.get('gl', _GATEWAY_PORT))}"
