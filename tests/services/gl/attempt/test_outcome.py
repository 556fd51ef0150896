"""What the record lists of an attempt."""

import pytest

from gecholog import rawjson
from services.gl.attempt.attempt import Attempt
from services.gl.attempt.outcome import BROKEN_OFF, AttemptOutcome, listed
from services.gl.candidates.candidate import Candidate
from services.gl.http import UpstreamRequest
from services.gl.models.provider import provider_of
from services.gl.record.section import RecordSection
from services.gl.routing.routers import Router, no_target

ROUTER = Router("/a/", {}, no_target())
PROVIDER = provider_of({"name": "one", "dialect": "openai", "api_key": "k"})


def attempt_to(candidate):
    return Attempt(candidate, UpstreamRequest("POST", ROUTER, "/", "", {}, b""), RecordSection(), "http://a/x", {})


@pytest.mark.parametrize(
    ("outcome", "fields"),
    [
        (AttemptOutcome(200), {"status_code": 200}),
        (AttemptOutcome(429, retry_after="7"), {"status_code": 429, "retry_after": "7"}),
        (AttemptOutcome(error="Connection refused"), {"error": "Connection refused"}),
        (BROKEN_OFF, {"error": "broken off"}),
    ],
)
def test_router(outcome, fields):
    """Path, URL, what came of it, and how long it took."""
    found = rawjson.loads(rawjson.dumps(listed(attempt_to(Candidate(ROUTER)), outcome, 1_000_000, 3_000_000)))
    assert found.pop("timer")["duration"] == 2
    assert found == {"gl_path": "/a/", "url": "http://a/x"} | fields


def test_provider():
    """Provider and model as well."""
    found = listed(attempt_to(Candidate(ROUTER, PROVIDER, "m")), AttemptOutcome(200), 1, 2)
    assert (found["provider"], found["model"]) == ("one", "m")
