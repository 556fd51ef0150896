"""The definition of an index for records: known fields are searchable, everything else is only stored.

Payloads and headers contain whatever clients and LLMs send. With dynamic mapping, a record with another type in the
same place would be rejected, and every new header would be a new field. New fields are therefore not mapped. To search
more fields, create the index before the sink does, or extend its mapping.
"""

from __future__ import annotations

from typing import Any

_KEYWORD = {"type": "keyword", "ignore_above": 1024}
_WHOLE_NUMBER = {"type": "long", "ignore_malformed": True}
_TIME = {"type": "date_nanos", "ignore_malformed": True}
_SPAN = {"dynamic": False, "properties": {"start": _TIME, "stop": _TIME, "duration": _WHOLE_NUMBER}}


def definition() -> dict[str, Any]:
    """Return the settings and mappings of a new index."""
    return {
        "settings": {"index": {"codec": "best_compression", "mapping": {"ignore_malformed": True}}},
        "mappings": {
            "dynamic": False,
            "properties": {
                "session_id": _KEYWORD,
                "transaction_id": _KEYWORD,
                "usage": {"dynamic": False, "properties": _usage()},
                "ingress_egress_timer": _SPAN,
                "egress_post_timer": _SPAN,
                "request": {"dynamic": False, "properties": _request()},
                "response": {"dynamic": False, "properties": _response()},
            },
        },
    }


def _request() -> dict[str, Any]:
    names = ("gl_path", "original_gl_path", "ingress_method", "ingress_client", "ingress_subpath", "outbound_subpath")
    return dict.fromkeys((*names, "url", "url_path"), _KEYWORD) | {"ingress_outbound_timer": _SPAN}


def _usage() -> dict[str, Any]:
    names = ("prompt", "completion", "total", "cached", "cache_creation", "reasoning")
    return {"source": _KEYWORD} | {f"{name}_tokens": _WHOLE_NUMBER for name in names}


def _response() -> dict[str, Any]:
    return {
        "gl_path": _KEYWORD,
        "inbound_status_code": _WHOLE_NUMBER,
        "egress_status_code": _WHOLE_NUMBER,
        # Its fields are named in the config of the token counter.
        "token_count": {"dynamic": True},
        "outbound_inbound_timer": _SPAN,
        "inbound_egress_timer": _SPAN,
    }
