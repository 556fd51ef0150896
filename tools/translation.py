"""Write the tables of docs/translation.md: `make translation`.

Each row is one field of a client's request (or of a provider's answer). The code that translates at run time is asked
what it makes of a request with the field and of one without it, so the tables tell what really happens.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from gecholog.llm.chat import ChatRequest
from gecholog.llm.chat_dialect import ChatDialect, ReplyContext, Target
from gecholog.llm.dialects.chat_table import CHAT_DIALECTS
from gecholog.llm.errors import UnsupportedParameterError
from tools.translation_probes import ANSWERS, REQUESTS, TARGETS, TITLES, Json, Probe

PAGE = Path(__file__).parent.parent / "docs" / "translation.md"
BEGIN, END = "<!-- tables: make translation -->", "<!-- end of the tables -->"
_MOST_PATHS = 3


def main() -> int:
    """Write the tables into the page."""
    PAGE.write_text(with_tables(PAGE.read_text()))
    return 0


def with_tables(page: str) -> str:
    """The page with the tables as they are now."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{rest.partition(END)[2]}"


def tables() -> str:
    """All tables, as Markdown."""
    requests = (request_table(CHAT_DIALECTS[client]) for client in REQUESTS)
    answers = (answer_table(CHAT_DIALECTS[provider]) for provider in ANSWERS)
    return "\n".join(chain(requests, answers))


# ------------------------------------------------------------------ requests


def request_table(client: ChatDialect) -> str:
    """What becomes of each field of a client's request, for each provider."""
    targets = [CHAT_DIALECTS[name] for name in TARGETS if name != client.name]
    base, probes = REQUESTS[client.name]
    lines = [
        [f"`{probe.field}`", *(request_cell(client, target, base, probe) for target in targets)] for probe in probes
    ]
    heads = [f"{TITLES[target.name]}" for target in targets]
    return f"### Requests: {TITLES[client.name]} to …\n\n{_table(['Field', *heads], lines)}"


def request_cell(client: ChatDialect, target: ChatDialect, base: Json, probe: Probe) -> str:
    """What a target gets for a field: the places where it stands, that it is refused, or that it is left out."""
    without = _read(client, base | probe.beside)
    model = Target(TARGETS[target.name], profile="openai")
    try:
        written = target.write_request(_read(client, base | probe.beside | probe.more), model)
    except UnsupportedParameterError as refused:
        return f"refused (`{refused.param}`)"
    places = _changes(target.write_request(without, model).body, written.body)
    shown = _shown(places)
    if written.dropped:
        left = ", ".join(f"`{name}`" for name in written.dropped)
        return f"{shown}; {left} left out" if places else f"left out (`{'`, `'.join(written.dropped)}`)"
    return shown if places else "nothing to send"


def _read(client: ChatDialect, body: Json) -> ChatRequest:
    if client.read_request is None:
        raise TypeError(f"{client.name} is no dialect of clients")
    return client.read_request(json.loads(json.dumps(body)))


# ------------------------------------------------------------------ answers


def answer_table(provider: ChatDialect) -> str:
    """Where each part of a provider's answer stands in the answer of each client."""
    clients = [
        each for each in CHAT_DIALECTS.values() if each.write_response is not None and each.name != provider.name
    ]
    base, probes = ANSWERS[provider.name]
    lines = [
        [f"`{probe.field}`", *(answer_cell(provider, client, base, probe) for client in clients)] for probe in probes
    ]
    heads = [TITLES[client.name] for client in clients]
    return f"### Answers: {TITLES[provider.name]} to …\n\n{_table(['Field', *heads], lines)}"


def answer_cell(provider: ChatDialect, client: ChatDialect, base: Json, probe: Probe) -> str:
    """The places of a client's answer that a part of the provider's changes."""
    if client.write_response is None:
        raise TypeError(f"{client.name} is no dialect of clients")
    context = ReplyContext(ChatRequest("m", ()), "ID", 1, "m")
    before = client.write_response(provider.read_response(json.loads(json.dumps(base))), context)
    after = client.write_response(provider.read_response(json.loads(json.dumps(base | probe.more))), context)
    return _shown(_changes(before, after)) or "no place"


# ------------------------------------------------------------------ text


def _changes(before: Any, after: Any) -> list[str]:
    """Paths of what is in one JSON value and not, or differently, in another one."""
    return list(dict.fromkeys(_differences(before, after, "")))


def _differences(before: Any, after: Any, path: str) -> Iterator[str]:
    if before == after:
        return
    if isinstance(after, dict) and isinstance(before, dict):
        for name in after:
            yield from _differences(before.get(name), after[name], f"{path}.{name}" if path else name)
        yield from (f"no {path}.{name}" if path else f"no {name}" for name in before if name not in after)
    elif isinstance(after, list) and isinstance(before, list):
        for index, value in enumerate(after):
            old = before[index] if index < len(before) else None
            yield from _differences(old, value, f"{path}[]")
        if len(after) < len(before):
            yield f"no {path}"
    elif isinstance(after, dict) and path.endswith("[]"):
        yield from _new_element(after, path)
    elif isinstance(after, list) and after and before is None:
        yield from _differences([], after, path)
    elif before is not None and not isinstance(after, dict | list) and not isinstance(before, dict | list):
        yield f"{path} = {json.dumps(after)}"
    else:
        yield path


def _new_element(element: dict[str, Any], path: str) -> Iterator[str]:
    """An element that was added to a list: its type, or its members but for the role."""
    if isinstance(kind := element.get("type"), str):
        yield f"{path} {kind}"
        return
    for name, value in element.items():
        if name != "role" and value not in ("", None, [], {}):
            yield from _differences([] if isinstance(value, list) else None, value, f"{path}.{name}")


def _shown(places: list[str]) -> str:
    more = " …" if len(places) > _MOST_PATHS else ""
    return ", ".join(f"`{place}`" for place in places[:_MOST_PATHS]) + more


def _table(heads: list[str], lines: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *lines]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
