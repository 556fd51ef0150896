"""A service of AWS that a provider is, for signatures. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

_REGION = re.compile(r"\.([a-z]{2}(?:-[a-z]+)+-\d)\.")


class AwsService(NamedTuple):
    """The name and the region that a signature is for. An empty region is that of the machine."""

    name: str
    region: str = ""


class UnsignedRequest(NamedTuple):
    """What a signature is made of. `headers` are those that are signed beside the host, `now` is a Unix time."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    now: float


def region_of(host: str) -> str:
    """The region in the name of a host, such as `bedrock-runtime.us-east-1.amazonaws.com`; empty if there is none."""
    found = _REGION.search(host)
    return found[1] if found else ""


def bedrock_url(region: str) -> str:
    """Where Bedrock is in a region; empty without one."""
    return f"https://bedrock-runtime.{region}.amazonaws.com" if region else ""
