"""What the path of a request tells about its usage. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from gecholog.llm.endpoint_path import plain_path

_LONGEST_KEPT = 256  # characters of a path; clients must not fill the memory through a cache

# By the ends of their plain paths: requests that generate nothing, those whose answers have no tokens, and those that
# make a provider work later, at a cost that no answer tells. With the secret of a session a client talks to its
# provider directly.
_FREE = ("/count_tokens", ":counttokens", "/input_tokens", "/moderations", "/cancel", "/files", "/uploads", "/parts")
_NO_OUTPUT = ("/embeddings", "/embed", "/api/embed", ":embedcontent", ":batchembedcontents", "/rerank")
_LATER = (
    *(":batchgeneratecontent", ":asyncbatchembedcontent", "/async-invoke", "/async/chat/completions", "/async/sonar"),
    *("/finetuned-models", "/trainingpipelines", "/runs", "/submit_tool_outputs", "/graders/run"),
    *("/videos", "/remix", "/videos/edits", "/videos/extensions", "/videos/generations", ":predictlongrunning"),
    *("/realtime/client_secrets", "/realtime/sessions", "/realtime/transcription_sessions", "/realtime/calls"),
    *("/tunedmodels", "/chatkit/sessions", "/auth_tokens"),
)
# Each API has jobs and batches of its own: batchInferenceJobs, embed-jobs, model-invocation-job, tuningJobs and others.
_JOBS = re.compile(r"/[^/:]*(?:jobs?|batch|batches)\Z")
_IN_QUEUE = "queuerequest=true"  # of Cloudflare's Workers AI, in the query


class RequestKind(NamedTuple):
    """`runs_later`: a POST makes a provider work after its answer, at a cost that gl does not see: a batch, say.

    `is_free`: it uses no tokens. `has_output`: its answer may have tokens.
    """

    runs_later: bool = False
    is_free: bool = False
    has_output: bool = True


UNKNOWN = RequestKind()


def kind_of(path: str) -> RequestKind:
    """The kind of a request with this path, percent-encoded as the client wrote it."""
    return _kept(path) if len(path) <= _LONGEST_KEPT else _kind(path)


def _kind(path: str) -> RequestKind:
    plain = plain_path(path)
    runs_later = plain.endswith(_LATER) or _JOBS.search(plain) is not None
    return RequestKind(runs_later, plain.endswith(_FREE), not plain.endswith(_NO_OUTPUT))


_kept = lru_cache(maxsize=1024)(_kind)


def is_queued(query: str) -> bool:
    """Whether a query asks for an answer later, which the answer to this request does not have."""
    return bool(query) and _IN_QUEUE in unquote(query).lower()
