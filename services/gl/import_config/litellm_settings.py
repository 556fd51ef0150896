"""The sections of settings in a LiteLLM file: what has an equivalent is taken, the rest is listed."""

from __future__ import annotations

from services.gl.import_config.imported import Imported
from services.gl.import_config.litellm_providers import value_of
from services.gl.import_config.source import Node

SECTIONS = ("litellm_settings", "router_settings", "general_settings")
FALLBACKS = "fallbacks"
DEFAULT_FALLBACKS = "default_fallbacks"
ALIASES = "model_group_alias"

_TIMEOUTS = "set timeouts of the router instead"
_SINKS = "records go to sinks instead"
_CACHE = "responses are not cached"
_BREAKER = "set breaker of the provider instead"
_BUS = "state is shared through the bus instead"
_BUDGET = "set budgets of client keys or routers instead"
_STATUS = "fallbacks are for errors by their status only"
_TAKEN = {
    "litellm_settings": {FALLBACKS, DEFAULT_FALLBACKS, "num_retries"},
    "router_settings": {FALLBACKS, DEFAULT_FALLBACKS, "num_retries", "routing_strategy", ALIASES},
    "general_settings": {"master_key"},
}
# What there is in place of well-known settings.
_INSTEAD = {
    "drop_params": "is not needed: hints that a provider cannot express are left out and named",
    "request_timeout": _TIMEOUTS,
    "timeout": _TIMEOUTS,
    "callbacks": _SINKS,
    "success_callback": _SINKS,
    "failure_callback": _SINKS,
    "service_callback": _SINKS,
    "cache": _CACHE,
    "cache_params": _CACHE,
    "allowed_fails": _BREAKER,
    "cooldown_time": _BREAKER,
    "redis_host": _BUS,
    "redis_port": _BUS,
    "redis_password": _BUS,
    "max_budget": _BUDGET,
    "budget_duration": _BUDGET,
    "database_url": "client keys are kept on the bus, models in gl_config.json",
    "store_model_in_db": "models are in gl_config.json",
    "context_window_fallbacks": _STATUS,
    "content_policy_fallbacks": _STATUS,
}


def take_settings(sections: dict[str, dict[str, Node]], found: Imported) -> None:
    """Take what has a place here of the sections, and list the rest."""
    for section, members in sections.items():
        for name, node in members.items():
            if name not in _TAKEN[section]:
                found.lose(node, _INSTEAD.get(name, "has no equivalent"))
    retries = [sections[section]["num_retries"] for section in SECTIONS[:2] if "num_retries" in sections[section]]
    if retries:
        found.outbound["retries"] = _count(retries[-1])
    for node in retries[:-1]:
        found.lose(node, "num_retries of router_settings comes before it")
    key = sections["general_settings"].get("master_key")
    if key is not None and key.value is not None:
        found.ingress["Authorization"] = [f"Bearer {value_of(key)}"]


def _count(node: Node) -> int:
    text = node.text()
    return int(text) if text.isdecimal() and len(text) < 3 else node.refuse("must be a small number")  # noqa: PLR2004
