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


@pytest.mark.parametrize("text", ["\\${KEY}", "\\\\${KEY}", "$$${KEY}", "${KEY}"])
def test_a_backslash_hides_no_variable(text):
    """Variables are filled in before the text is read as JSON, where the backslash before them is escaped."""
    assert told(changed(routers=[router(url="https://evil", headers={"X": [text]})]))
    assert told(changed(session_id_header=text))


def test_two_dollars_are_no_variable():
    assert told(changed(session_id_header="$${KEY}")) == []


@pytest.mark.parametrize("name", ["ingress", "dialect", "url", "headers", "hostname"])
@pytest.mark.parametrize("value", ["${KEY}", "\\${KEY}", ["${KEY}"], ["x", "\\${KEY}"]])
def test_names_of_headers_are_no_places(name, value):
    """A header may be called as a field that says where secrets go."""
    headers = {name: value, "url": "https://known"} if name != "url" else {name: value, "dialect": "openai"}
    assert told(changed(routers=[router(url="https://evil", headers=headers)]))
    provider = {"name": "x", "dialect": "openai", "url": "https://evil", "headers": headers}
    assert told(changed(providers=[provider]))
    assert told(changed(rest_api_writer={"url": "https://evil", "headers": headers}))


def test_an_address_is_a_string():
    """An object called `url` or `dialect` is none."""
    assert told(changed(providers=[{"dialect": {"x": "openai"}, "api_key": "${KEY}"}]))


@pytest.mark.parametrize(
    "provider",
    [
        {"dialect": "vertex", "url": "https://evil"},
        {"dialect": "bedrock", "url": "https://evil"},
        {"dialect": "azure", "url": "https://evil", "entra_id": {}},
        {"dialect": "openai", "url": "https://evil", "entra_id": {"tenant_id": "x"}},
        {"dialect": "${X}", "url": "https://evil"},
        {"dialect": "vertex", "credentials_file": "/app/conf/other.json"},
    ],
)
def test_only_an_admin_sends_the_identity_of_the_machine_elsewhere(provider):
    draft = changed(providers=[provider])
    assert told(draft)
    assert problems(flows(draft, SCHEMA), flows(draft, SCHEMA)) == ()


def test_an_editor_may_add_a_cloud_at_its_usual_address():
    assert told(changed(providers=[{"dialect": "bedrock", "region": "eu-central-1"}])) == []


def test_the_database_of_records():
    """SQLite writes a file: it may be chosen by an admin only."""
    old = {"sql_writer": {"url": "${LEDGER_URL}"}}
    (problem,) = file_problems({"sql_writer": {"url": "sqlite:////app/data/gui.db"}}, old)
    assert problem.message == "it would write records to sqlite:////app/data/gui.db"
    assert file_problems(old, old) == ()


def test_files_of_the_appliance_are_for_nobody():
    draft = flows(changed(routers=[router(url="${BASE}", headers={"X": ["${file:/app/secrets/GUI_SECRET}"]})]), SCHEMA)
    deployed = flows(DEPLOYED, SCHEMA)
    (problem,) = problems(draft, deployed, is_own_file=lambda path: path == "/app/secrets/GUI_SECRET")
    assert problem.for_everybody
    assert problem.message == "the file /app/secrets/GUI_SECRET belongs to the appliance, and must not be used"
    (problem,) = problems(draft, deployed)
    assert not problem.for_everybody
