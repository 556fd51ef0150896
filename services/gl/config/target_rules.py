"""The rules for targets of routers that the schema of gl_config.json cannot express. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gecholog import hostname
from services.gl.images import rule as image_rule
from services.gl.models.close_names import did_you_mean
from services.gl.routing.routers import Action, action_of, parse_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gecholog.schema import Violation

_BAD_IN_ENDPOINT = ("//", "..", "??", "./", "/=", "=/", "/?", "?/")


def urls(values: dict[str, Any]) -> Iterator[Violation]:
    """A router has either a url or models."""
    for index, router in enumerate(values.get("routers", [])):
        outbound, place = router.get("outbound"), ("routers", index, "outbound")
        if outbound is None:
            continue  # the schema reports it
        if "url" not in outbound and "models" not in outbound:
            yield (*place, "url"), "is missing"
        if "url" in outbound and "models" in outbound:
            yield (*place, "models"), "must not be set together with url"
        if outbound.get("url") and (reason := _wrong_url(outbound["url"])):
            yield (*place, "url"), reason
        if any(part in outbound.get("endpoint", "") for part in _BAD_IN_ENDPOINT):
            yield (*place, "endpoint"), "must not contain " + " ".join(_BAD_IN_ENDPOINT)


def _wrong_url(url: str) -> str:
    try:
        return hostname.problem(parse_target(url, "", {}).origin.host)
    except ValueError:
        return "must be an http or https address"


def fallbacks(values: dict[str, Any]) -> Iterator[Violation]:
    """Fallbacks must be other routers with a url."""
    routers = values.get("routers", [])
    known = {router.get("path") for router in routers if "url" in router.get("outbound", {})}
    for index, router in enumerate(routers):
        for number, path in enumerate(router.get("outbound", {}).get("fallbacks", [])):
            is_echo = action_of(path) is Action.ECHO
            if path not in known or is_echo or path == router.get("path"):
                place = ("routers", index, "outbound", "fallbacks", number)
                yield place, "must be the path of another router with a url"


def default_providers(values: dict[str, Any]) -> Iterator[Violation]:
    """The default provider must be one of the providers."""
    known = [provider.get("name", "") for provider in values.get("providers", [])]
    for index, router in enumerate(values.get("routers", [])):
        name = router.get("outbound", {}).get("default_provider")
        if name is not None and name not in known:
            reason = f"names a provider that is not configured{did_you_mean(name, known)}"
            yield ("routers", index, "outbound", "default_provider"), reason


def fetch_images(values: dict[str, Any]) -> Iterator[Violation]:
    """The option is a word or a list of hosts, and only routers with models have it."""
    for index, router in enumerate(values.get("routers", [])):
        outbound = router.get("outbound", {})
        option, place = outbound.get("fetch_images"), ("routers", index, "outbound", "fetch_images")
        if option is None:
            continue
        if "models" not in outbound:
            yield place, "is only for routers with models"
        if isinstance(option, list):
            for number, text in enumerate(option):
                if isinstance(text, str) and (reason := image_rule.host_problem(text)):
                    yield (*place, number), reason
        elif reason := image_rule.problem(option):
            yield place, reason
