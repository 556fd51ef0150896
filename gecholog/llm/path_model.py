"""The model that the path of a request names, as in the APIs of Azure, Gemini, Vertex and Bedrock. Pure."""

from __future__ import annotations

import re
from urllib.parse import unquote

# As lenient servers read it: Azure compares without case, and some servers skip empty segments. The last is Bedrock's.
_MODEL = re.compile(r"/(?:models|deployments|engines)/+([^/:]+)(?=[/:])|/model/+([^/]+)(?=/)", re.IGNORECASE)


def models_in_path(path: str) -> tuple[str, ...]:
    """All names in a percent-encoded path that a server could read as the model: `/models/NAME:generateContent`."""
    plain = unquote(path) if "%" in path else path
    return tuple(dict.fromkeys(one or other for one, other in _MODEL.findall(plain)))
