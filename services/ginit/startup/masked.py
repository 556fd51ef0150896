"""Masks secrets that a user has written into a config file in place of a variable. Pure.

Not masked: variables (`${KEY}`), and texts that the shipped file contains as well. Masked: values of headers; fields
named like a token, key, secret or password, and everything below them; arguments of programs; users and queries of
URLs; and what looks like a generated key, wherever it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gecholog.headers import MASK

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

_SECRET_FIELD = re.compile(
    r"(.*[_-])?(tokens?|secrets?|passwords?|passwd|pass|keys?|credentials?|auth|authorization|cookies?)"
    r"|headers|additional_arguments",
    re.IGNORECASE,
)
_VARIABLES = re.compile(r"((Bearer|Basic|ApiKey|SharedKey|Token) +)?(\$\{[\w|]+\}|\$[A-Za-z_]\w*)*", re.IGNORECASE)
_USER = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_QUERY = re.compile(r"(?<==)[^&\s#]+")
_GENERATED = re.compile(r"\$\{[\w|]+\}|\$\w+|[\w-]*?(?=[A-Za-z0-9]{16})(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[\w-]+")
_NATS_SECRET = re.compile(
    r"(?P<name>\b(?:token|pass|password|user|username|nkey|seed|jwt|secret|key|credentials)\b[\"']?(?:\s*[:=]\s*|\s+))"
    r"(?P<value>\"[^\"]*\"|'[^']*'|[^\s,}\]#]+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Known:
    """The texts of the shipped file: those in fields that may hold a secret, and the others."""

    secret: Container[str]
    other: Container[str]

    @classmethod
    def of(cls, value: Any) -> Known:
        found = list(_texts(value))
        return cls({text for text, secret in found if secret}, {text for text, secret in found if not secret})


def _texts(value: Any, *, secret: bool = False) -> Iterator[tuple[str, bool]]:
    if isinstance(value, str):
        yield value, secret
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, secret=secret)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name, False
            yield from _texts(item, secret=secret or _is_secret(name))


def _is_secret(name: str) -> bool:
    return _SECRET_FIELD.fullmatch(name) is not None


def masked(value: Any, known: Known, *, secret: bool = False) -> Any:
    """A JSON value without secrets; `secret`: it is in a field that may hold one."""
    if isinstance(value, dict):
        return {
            _shown(name, known.other): masked(item, known, secret=secret or _is_secret(name))
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [masked(item, known, secret=secret) for item in value]
    if isinstance(value, str):
        return _hidden(value, known.secret) if secret else _shown(value, known.other)
    return MASK if secret and value and value is not True else value


def masked_line(line: str, known: Container[str]) -> str:
    """A line of a config file of nats-server without secrets; `known` are the lines that are no secrets."""
    if line in known:
        return line
    return _shown(_NATS_SECRET.sub(lambda match: match["name"] + _hidden(match["value"], ()), line), known)


def _hidden(text: str, known: Container[str]) -> str:
    return text if text in known or _VARIABLES.fullmatch(text) else MASK


def _shown(text: str, known: Container[str]) -> str:
    """A text that is no secret as a whole, but may hold one."""
    if text in known:
        return text
    for pattern in (_USER, *((_QUERY,) if "?" in text else ())):
        text = pattern.sub(lambda match: _hidden(match[0], ()), text)
    return _GENERATED.sub(lambda match: _hidden(match[0], ()), text)
