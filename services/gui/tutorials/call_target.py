"""What a program has to know to call a router: addresses, headers, and where the keys come from. Pure.

Values of headers that stand in a config may be secrets, so they become variables of the environment of the program.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MY_API_KEY = "MY_API_KEY"
OPENAI = "openai"
ANTHROPIC = "anthropic"

_KEY_HEADERS = frozenset({"api-key", "authorization", "x-api-key"})
_REFERENCE = re.compile(r"(?P<prefix>Bearer )?\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}")
_OWN_DUMMY = re.compile(r"https?://(127\.0\.0\.1|localhost|dummy)(:\d+)?(/.*)?")
_VERSION = "v1"
_EXAMPLE_MODELS = {OPENAI: "gpt-4o-mini", ANTHROPIC: "claude-haiku-4-5"}
_DUMMY = "dummy"


@dataclass(frozen=True, slots=True)
class KeyHeader:
    """A header that a call needs. Its value is `prefix` and the value of the variable."""

    name: str
    variable: str
    prefix: str = ""

    @property
    def is_key(self) -> bool:
        return self.name.lower() in _KEY_HEADERS


@dataclass(frozen=True, slots=True)
class CallTarget:
    """A router as its clients see it.

    `address` is scheme, host and port. `endpoint` tells whether the router calls one fixed endpoint. `dialects` are the
    APIs that it probably speaks, the most probable first. `about_key` says which key MY_API_KEY is; empty if the call
    needs none of that name.
    """

    address: str
    path: str
    model: str
    headers: tuple[KeyHeader, ...]
    dialects: tuple[str, ...] = (OPENAI,)
    endpoint: bool = False
    is_models: bool = False
    about_key: str = ""

    @property
    def base(self) -> str:
        """The address of the API with its version, without a slash at the end."""
        path = self.path.rstrip("/")
        is_versioned = path.rpartition("/")[2] == _VERSION
        return f"{self.address}{path}" + ("" if is_versioned else f"/{_VERSION}")

    @property
    def unversioned(self) -> str:
        """The address that SDKs take which add the version themselves."""
        return self.base.removesuffix(f"/{_VERSION}")

    def url(self, endpoint: str) -> str:
        """The address of an endpoint; a router with a fixed one takes no path behind its own."""
        return f"{self.address}{self.path}" if self.endpoint else f"{self.base}/{endpoint}"


_BEARER = KeyHeader("Authorization", MY_API_KEY, "Bearer ")


def call_target(router: Mapping[str, Any], address: str, model: str = "") -> CallTarget:
    """The target for a router of a config of gl; what is missing there or has another type is left out."""
    ingress, outbound = (_mapping(router.get(side)) for side in ("ingress", "outbound"))
    url, is_models = str(outbound.get("url") or ""), "models" in outbound
    dialects = _dialects(url, is_models=is_models)
    headers = tuple(_header(name, value) for name, value in _mapping(ingress.get("headers")).items())
    about_key = ""
    if not any(header.is_key for header in headers):
        is_checked = ingress.get("keys", "off") != "off"
        about_key = "a client key of the gateway" if is_checked or is_models else "the key of the LLM API"
        own = KeyHeader("x-api-key", MY_API_KEY) if dialects[0] == ANTHROPIC else _BEARER
        headers = (*headers, own)
    is_dummy = is_models or bool(_OWN_DUMMY.fullmatch(url))
    return CallTarget(
        address.rstrip("/"),
        str(router.get("path") or "/"),
        model or (_DUMMY if is_dummy else _EXAMPLE_MODELS[dialects[0]]),
        headers,
        dialects,
        bool(outbound.get("endpoint")),
        is_models,
        about_key,
    )


def _dialects(url: str, *, is_models: bool) -> tuple[str, ...]:
    if is_models or _OWN_DUMMY.fullmatch(url):
        return OPENAI, ANTHROPIC
    return (ANTHROPIC,) if "anthropic" in url.lower() else (OPENAI,)


def _header(name: str, value: Any) -> KeyHeader:
    first = str(value[0]) if isinstance(value, list) and value else ""
    if match := _REFERENCE.fullmatch(first):
        return KeyHeader(name, match["name"], match["prefix"] or "")
    words = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").upper()
    return KeyHeader(name, MY_API_KEY if name.lower() in _KEY_HEADERS else f"MY_{words}")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
