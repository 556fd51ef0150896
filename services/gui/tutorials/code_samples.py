"""Code that calls a router, in several languages. Pure; the tests run it."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any

from services.gui.tutorials.call_target import ANTHROPIC, MY_API_KEY, OPENAI, CallTarget, KeyHeader

_QUESTION = "Say hello in one short sentence."
_MOST_TOKENS = 100
_ENDPOINTS = {OPENAI: "chat/completions", ANTHROPIC: "messages"}
_ANTHROPIC_VERSION = "2023-06-01"


@dataclass(frozen=True, slots=True)
class CodeSample:
    """One program. `name` is for addresses and tests, `title` for people, `file` what to call it."""

    name: str
    title: str
    file: str
    text: str


def code_samples(target: CallTarget) -> list[CodeSample]:
    """All programs that can call this router. The packages of OpenAI and Anthropic cannot call a fixed endpoint."""
    samples = [
        CodeSample("curl", "curl", "call.sh", _curl(target)),
        CodeSample("requests", "Python, requests", "call.py", _requests(target)),
        CodeSample("node", "Node", "call.mjs", _node(target)),
    ]
    if OPENAI in target.dialects and not target.endpoint:
        samples.insert(1, CodeSample("openai", "Python, openai", "call_openai.py", _openai(target)))
    if ANTHROPIC in target.dialects and not target.endpoint:
        samples.insert(-2, CodeSample("anthropic", "Python, anthropic", "call_anthropic.py", _anthropic(target)))
    return samples


def _body(target: CallTarget) -> dict[str, Any]:
    return {
        "model": target.model,
        "max_tokens": _MOST_TOKENS,
        "messages": [{"role": "user", "content": _QUESTION}],
    }


def _url(target: CallTarget) -> str:
    return target.url(_ENDPOINTS[target.dialects[0]])


def _extra(target: CallTarget) -> dict[str, str]:
    """Headers with a fixed value."""
    return {"anthropic-version": _ANTHROPIC_VERSION} if target.dialects[0] == ANTHROPIC else {}


def _about(target: CallTarget, sign: str) -> str:
    return f"{sign} {MY_API_KEY}: {target.about_key}\n" if target.about_key else ""


def _curl(target: CallTarget) -> str:
    lines = [f"curl -sS {shlex.quote(_url(target))}"]
    fixed = {"Content-Type": "application/json"} | _extra(target)
    lines += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in fixed.items()]
    lines += [f'-H "{_shell(header.name)}: {header.prefix}${header.variable}"' for header in target.headers]
    lines.append(f"-d {shlex.quote(json.dumps(_body(target)))}")
    return _about(target, "#") + " \\\n    ".join(lines) + "\n"


def _shell(text: str) -> str:
    """A text between double quotes of a shell."""
    return "".join(f"\\{letter}" if letter in '\\"$`' else letter for letter in text)


def _requests(target: CallTarget) -> str:
    fixed = [f"    {json.dumps(name)}: {json.dumps(value)}," for name, value in _extra(target).items()]
    headers = "\n".join([*fixed, *(f"    {json.dumps(one.name)}: {_python(one)}," for one in target.headers)])
    return f"""{_about(target, "#")}import os

import requests

response = requests.post(
    {json.dumps(_url(target))},
    headers={{
    {headers.replace(chr(10), chr(10) + "    ")}
    }},
    json={json.dumps(_body(target))},
    timeout=120,
)
print(response.status_code)
print(response.text)
"""


def _python(header: KeyHeader) -> str:
    value = f'os.environ["{header.variable}"]'
    return f"{json.dumps(header.prefix)} + {value}" if header.prefix else value


def _sdk(target: CallTarget, own: str) -> str:
    """The arguments of an SDK's client. `own` is the header in which it sends its key, in lower case."""
    key = next((one for one in target.headers if one.name.lower() == own), None)
    given = next((one for one in target.headers if one.variable == MY_API_KEY and target.about_key), None)
    variable = key or given
    text = f"    api_key={'os.environ[' + json.dumps(variable.variable) + ']' if variable else json.dumps('unused')},\n"
    others = [one for one in target.headers if one is not variable]
    if others:
        inside = ", ".join(f"{json.dumps(one.name)}: {_python(one)}" for one in others)
        text += f"    default_headers={{{inside}}},\n"
    return text


def _openai(target: CallTarget) -> str:
    return f"""{_about(target, "#")}import os

from openai import OpenAI

client = OpenAI(
    base_url={json.dumps(target.base)},
{_sdk(target, "authorization")})
answer = client.chat.completions.create(
    model={json.dumps(target.model)},
    max_tokens={_MOST_TOKENS},
    messages=[{{"role": "user", "content": {json.dumps(_QUESTION)}}}],
)
print(answer.choices[0].message.content)
"""


def _anthropic(target: CallTarget) -> str:
    return f"""{_about(target, "#")}import os

from anthropic import Anthropic

client = Anthropic(
    base_url={json.dumps(target.unversioned)},
{_sdk(target, "x-api-key")})
answer = client.messages.create(
    model={json.dumps(target.model)},
    max_tokens={_MOST_TOKENS},
    messages=[{{"role": "user", "content": {json.dumps(_QUESTION)}}}],
)
print(answer.content[0].text)
"""


def _node(target: CallTarget) -> str:
    fixed = {"Content-Type": "application/json"} | _extra(target)
    lines = [f"    {json.dumps(name)}: {json.dumps(value)}," for name, value in fixed.items()]
    lines += [f"    {json.dumps(one.name)}: {_javascript(one)}," for one in target.headers]
    headers = "\n".join(lines)
    return f"""{_about(target, "//")}const response = await fetch({json.dumps(_url(target))}, {{
  method: "POST",
  headers: {{
{headers}
  }},
  body: JSON.stringify({json.dumps(_body(target))}),
}});
console.log(response.status);
console.log(await response.text());
"""


def _javascript(header: KeyHeader) -> str:
    value = f"process.env.{header.variable}"
    return f"{json.dumps(header.prefix)} + {value}" if header.prefix else value
