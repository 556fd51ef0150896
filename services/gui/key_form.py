"""Client keys and the forms for them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from gecholog.errors import GechologError
from gecholog.keys import KeyEntry
from gecholog.keys.credential import digest, new_key
from gecholog.keys.reading import as_json, key_of, time_text
from gecholog.quota.limits import TOKENS, LimitError, budget_of_text, usd_text

_QUOTAS = ("rpm", "tpm", "rpd", "concurrency")
_COUNTS = ("max_output_tokens", "max_body_bytes")
_DURATION = re.compile(r"([0-9]{1,5})d")
_DAY_S = 86_400
_LISTS = {"models": re.compile(r"[\s,]+"), "routers": re.compile(r"[\s,]+"), "tags": re.compile(r"\s*,\s*")}


class WrongForm(GechologError):
    """The fields of a form cannot become a key; `problems` are sentences by the names of fields."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("; ".join(f"{name} {rule}" for name, rule in problems.items()))


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key in a list."""

    id: str
    name: str
    owner: str
    state: str
    created: float
    expires: float | None
    limits: tuple[str, ...]


def row(key: KeyEntry, now: float) -> KeyRow:
    """What a list shows of a key."""
    return KeyRow(key.id, key.name, key.owner, state(key, now), key.created, key.expires, tuple(limits(key)))


def state(key: KeyEntry, now: float) -> str:
    """`active`, `disabled`, `expired`, or `rotating` while the key before is valid as well."""
    if key.disabled:
        return "disabled"
    if key.expires is not None and key.expires <= now:
        return "expired"
    return "rotating" if key.previous_expires > now else "active"


def limits(key: KeyEntry) -> list[str]:
    """The limits of a key in words."""
    quotas, budget = key.limits.quotas, key.limits.budget
    units = {"rpm": "calls/min", "tpm": "tokens/min", "rpd": "calls/day", "concurrency": "at a time"}
    found = [f"{number} {units[name]}" for name in _QUOTAS if (number := getattr(quotas, name)) is not None]
    if budget is not None:
        found.append(f"{budget_text(key)}")
    if key.models is not None:
        found.append(f"models {', '.join(key.models)}")
    if key.routers is not None:
        found.append(f"routers {', '.join(key.routers)}")
    return found


def budget_text(key: KeyEntry) -> str:
    """The budget as people write it: `20/month`, `5000000 tokens/day`."""
    budget = key.limits.budget
    if budget is None:
        return ""
    amount = f"{budget.amount} tokens" if budget.unit == TOKENS else usd_text(budget.amount)
    return f"{amount}/{budget.period.value}"


def values(key: KeyEntry) -> dict[str, str]:
    """The fields of the form of a key."""
    found = {name: str(getattr(key.limits.quotas, name) or "") for name in _QUOTAS}
    found |= {name: str(getattr(key, name) or "") for name in _COUNTS}
    return found | {
        "name": key.name,
        "owner": key.owner,
        "tags": ", ".join(key.tags),
        "models": "\n".join(key.models or ()),
        "routers": "\n".join(key.routers or ()),
        "budget": budget_text(key),
        "expires": "" if key.expires is None else time_text(key.expires)[:10],
        "allow_unpriced": "on" if key.allow_unpriced else "",
        "no_payloads": "" if key.record_payloads else "on",
    }


def created(form: Mapping[str, str], now: float) -> tuple[KeyEntry, str]:
    """A new key and its text, which is stored nowhere. Raises WrongForm."""
    key = new_key()
    return changed(KeyEntry(key.id, digest(key.text), created=float(int(now))), form, now), key.text


def changed(key: KeyEntry, form: Mapping[str, str], now: float) -> KeyEntry:
    """The key with what the form says; what the form does not have is removed. Raises WrongForm."""
    problems: dict[str, str] = {}
    fields = as_json(key)
    _set(fields, "name", form.get("name", "").strip())
    _set(fields, "owner", form.get("owner", "").strip())
    for name, separator in _LISTS.items():
        _set(fields, name, [one for one in separator.split(form.get(name, "").strip()) if one])
    for name in _COUNTS:
        _set(fields, name, _count(form, name, problems))
    _set(fields, "quotas", _quotas(key, form, problems))
    _set(fields, "budget", _budget(key, form, problems))
    _set(fields, "expires", _expiry(key, form.get("expires", "").strip(), now, problems))
    _set(fields, "allow_unpriced", bool(form.get("allow_unpriced")))
    fields["record_payloads"] = not form.get("no_payloads")
    if not fields.get("name"):
        problems["name"] = "must not be empty"
    if problems:
        raise WrongForm(problems)
    try:
        return key_of(orjson.dumps(fields))
    except GechologError as error:
        raise WrongForm({"": str(error)}) from error


def _set(fields: dict[str, Any], name: str, value: Any) -> None:
    if value:
        fields[name] = value
    else:
        fields.pop(name, None)


def _quotas(key: KeyEntry, form: Mapping[str, str], problems: dict[str, str]) -> dict[str, int]:
    """The quotas of the form; one that the form does not have stays."""
    found = {name: number for name in _QUOTAS if (number := _count(form, name, problems)) is not None}
    kept = key.limits.quotas.default_output_tokens
    return found | ({} if kept is None else {"default_output_tokens": kept})


def _budget(key: KeyEntry, form: Mapping[str, str], problems: dict[str, str]) -> dict[str, Any] | None:
    text = form.get("budget", "").strip()
    if not text:
        return None
    if key.limits.budget is not None and text == budget_text(key):
        return key.limits.budget.as_json()  # with its time zone
    try:
        return budget_of_text(text).as_json()
    except LimitError as error:
        problems["budget"] = f"must be such as 20/month (USD) or 5000000 tokens/day: {error}"
        return None


def _count(form: Mapping[str, str], name: str, problems: dict[str, str]) -> int | None:
    text = form.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:16]) > 0 and len(text) < 16):  # noqa: PLR2004 - 2**53
        problems[name] = "must be a whole number above 0"
        return None
    return int(text)


def _expiry(key: KeyEntry, text: str, now: float, problems: dict[str, str]) -> str | None:
    if not text:
        return None
    if key.expires is not None and text == time_text(key.expires)[:10]:
        return time_text(key.expires)
    if match := _DURATION.fullmatch(text):
        return time_text(now + int(match[1]) * _DAY_S)
    try:
        return time_text(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        problems["expires"] = "must be a date such as 2027-01-31, or days from now such as 90d"
        return None


_SNIPPETS = {
    "curl": """curl -s ADDRESS/v1/chat/completions -H 'Authorization: Bearer KEY' \\
  -H 'Content-Type: application/json' \\
  -d '{"model": "MODEL", "messages": [{"role": "user", "content": "Hello"}]}'""",
    "OpenAI SDK": """from openai import OpenAI

client = OpenAI(base_url="ADDRESS/v1", api_key="KEY")
reply = client.chat.completions.create(model="MODEL", messages=[{"role": "user", "content": "Hello"}])
print(reply.choices[0].message.content)""",
    "Anthropic SDK": """from anthropic import Anthropic

client = Anthropic(base_url="ADDRESS", api_key="KEY")
reply = client.messages.create(model="MODEL", max_tokens=500, messages=[{"role": "user", "content": "Hello"}])
print(reply.content[0].text)""",
    "Claude Code": """export ANTHROPIC_BASE_URL=ADDRESS
export ANTHROPIC_AUTH_TOKEN=KEY
claude""",
}


def needs_price(key: KeyEntry) -> bool:
    """Whether calls to models without a known price are refused to a key (`price_unknown`). Pure."""
    budget = key.limits.budget
    return budget is not None and not budget.is_tokens and not key.allow_unpriced


def snippets(address: str, text: str, model: str) -> list[tuple[str, str]]:
    """Ready calls with a key: titles and texts. `address` is the URL of the gateway without a path."""
    given = {"ADDRESS": address, "KEY": text, "MODEL": model}
    return [
        (title, re.sub("ADDRESS|KEY|MODEL", lambda match: given[match[0]], template))
        for title, template in _SNIPPETS.items()
    ]
