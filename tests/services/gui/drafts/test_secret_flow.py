"""Where secrets are sent, and what an editor cannot change about it."""

import pytest

from services.gui.drafts.secret_flow import file_problems, flows, problems

PASSWORD = {"format": "password"}
SCHEMA = {
    "properties": {
        "service_bus": {"properties": {"token": PASSWORD}},
        "providers": {"items": {"properties": {"api_key": PASSWORD}}},
    }
}
DEPLOYED = {
    "log_level": "${LEVEL}",
    "service_bus": {"hostname": "localhost:4222", "token": "${NATS_TOKEN}"},
    "routers": [
        {"path": "/a/", "outbound": {"url": "${BASE}", "headers": {"Api-Key": ["${KEY}"], "Token": ["literal"]}}},
        {"path": "/b/", "ingress": {"headers": {"Api-Key": ["${CLIENT}"]}}, "outbound": {"url": "https://b"}},
    ],
    "providers": [{"name": "openai", "dialect": "openai", "api_key": "${OPENAI_API_KEY}"}],
    "file_writer": {"filename": "${GECHOLOG_HOME}/log"},
}


def router(**outbound):
    return {"path": "/new/", "outbound": outbound}


def changed(**fields):
    return DEPLOYED | fields


def told(draft, **options):
    found = problems(flows(draft, SCHEMA), flows(DEPLOYED, SCHEMA), **options)
    return [(one.message, one.for_everybody) for one in found]


def test_nothing_new():
    assert told(DEPLOYED) == []
    assert told(changed(routers=DEPLOYED["routers"][::-1])) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"routers": [router(url="https://new.example", headers={"X": ["plain"]})]},
        {"routers": [router(url="${BASE}", headers={"Other": ["Bearer ${KEY}"]})]},
        {"routers": [router(url="${NEW_BASE}")]},
        {"providers": [{"name": "x", "dialect": "gemini", "api_key": "${GEMINI_API_KEY}"}]},
        {"file_writer": {"filename": "${GECHOLOG_HOME}/x"}},
        {"routers": [router(url="https://new") | {"ingress": {"headers": {"Api-Key": ["${NEW}"]}}}]},
    ],
)
def test_what_an_editor_may_do(fields):
    assert told(changed(**fields)) == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"routers": [router(url="https://evil", headers={"X": ["${KEY}"]})]}, "it would send KEY to https://evil"),
        (
            {"routers": [router(url="https://evil/${KEY}")]},
            "it would send KEY to https://evil/${KEY} in url",
        ),
        (
            {"routers": [router(url="https://evil", endpoint="?k=${KEY}")]},
            "it would send KEY to https://evil ?k=${KEY} in endpoint",
        ),
        (
            {"routers": [router(url="https://evil", headers={"Token": ["literal"]})]},
            "it would send a secret in the file to https://evil",
        ),
        ({"routers": [router(url="https://evil", headers={"${KEY}": ["x"]})]}, "it would send KEY to https://evil"),
        (
            {"providers": [{"dialect": "openai", "url": "https://evil", "api_key": "${A|KEY}"}]},
            "it would send A to https://evil openai",
        ),
        (
            {"service_bus": {"hostname": "evil:4222", "token": "${NATS_TOKEN}"}},
            "it would send NATS_TOKEN to evil:4222",
        ),
        (
            {"rest_api_writer": {"url": "https://evil", "headers": {"X": ["${KEY}"]}}},
            "it would send KEY to https://evil",
        ),
    ],
)
def test_what_needs_an_admin(fields, message):
    assert (message, False) in told(changed(**fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"routers": [router(url="https://evil", headers={"X": ["$NATS_TOKEN"]})]},
        {"routers": [router(url="${BASE}", headers={"X": ["${X|GUI_SECRET}"]})]},
        {"session_id_header": "${NATS_TOKEN}"},
        {"file_writer": {"filename": "${GUI_SECRET}"}},
    ],
)
def test_what_nobody_may_do(fields):
    assert any(for_everybody for _, for_everybody in told(changed(**fields)))


def test_the_interface_has_its_own_secret():
    assert told(changed(secret="${GUI_SECRET}"), is_gui=True) == []
    assert told(changed(secret="${GUI_SECRET}"))[0][1]


def test_the_file_of_records():
    """It may be chosen by an admin only; keeping it, or naming none, is no change."""
    old = {"file_writer": {"filename": "/app/log/records.jsonl"}}
    (problem,) = file_problems({"file_writer": {"filename": "/app/conf/x.json"}}, old)
    assert (problem.message, problem.for_everybody) == ("it would write records to /app/conf/x.json", False)
    for draft in (old, {}, {"file_writer": {}}, {"file_writer": 1}, None):
        assert file_problems(draft, old) == ()
