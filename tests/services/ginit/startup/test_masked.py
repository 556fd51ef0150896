"""Config files without the secrets that are written into them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.headers import MASK
from services.ginit.startup.masked import Known, masked, masked_line

NOTHING = Known((), ())


@pytest.mark.parametrize(
    "value",
    [
        {"token": "hunter2"},
        {"service_bus": {"TOKEN": "hunter2"}},
        {"headers": {"Api-Key": ["hunter2"], "X-Whatever": ["hunter2"]}},
        {"headers": {"Authorization": ["Bearer hunter2", "Bearer ${A} hunter2"]}},
        {"password": "hunter2", "shared_key": "hunter2", "client_secret": "hunter2", "api-key": "hunter2"},
        {"api_keys": ["hunter2"], "keys": [{"of": "me", "value": "hunter2"}]},
        {"additional_arguments": ["--password", "hunter2"]},
        {"url": "https://me:hunter2@host/path"},
        {"url": "https://hunter2@host/path"},
        {"endpoint": "/log?sig=hunter2&x=1"},
        {"anything": "sk-hunter2hunter2hunter2-and_more-hunter2"},
        {"endpoint": "/services/T01/hunter2hunter2hunter2"},
        {"sk-hunter2hunter2hunter2": 1},
    ],
)
def test_secrets_are_masked(value):
    """Wherever people write them."""
    shown = json.dumps(masked(value, NOTHING))
    assert "hunter2" not in shown
    assert MASK in shown


@pytest.mark.parametrize(
    "value",
    [
        {"token": "${NATS_TOKEN}", "password": "", "key": "$KEY"},
        {"headers": {"Authorization": ["Bearer ${KEY}"]}},
        {
            "private_key_file": "/a/key.pem",
            "session_id_header": "Session-Id",
            "token_caps": [{"field": "total_tokens"}],
        },
        {"masked_headers": ["Api-Key"], "url": "https://host:1/v1?a=${A}", "tokens": False, "key": None},
        {"model": "gpt-4o-mini-2024-07-18", "url": "${AZURE_OPENAI_RESOURCE_NUMBER_1}"},
    ],
)
def test_what_is_no_secret_is_shown(value):
    """Variables, names, files, ordinary addresses."""
    assert masked(value, NOTHING) == value


def test_what_is_shipped_is_shown():
    """But a password is not known because a user is called so."""
    shipped = {"username": "elastic", "password": "${P}", "headers": {"Content-Type": ["application/json"]}}
    known = Known.of(shipped)
    assert masked(shipped, known) == shipped
    assert masked({"password": "elastic"}, known) == {"password": MASK}


def test_numbers_may_be_secrets():
    """Where a secret is expected, and they say something."""
    assert masked({"password": 1234, "token": 0, "key": True}, NOTHING) == {"password": MASK, "token": 0, "key": True}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@given(_JSON, st.text(min_size=1, alphabet="abcdefgh").filter(lambda text: text not in MASK))
def test_nothing_below_a_secret_field_is_shown(inner, text):
    """However it is nested."""
    shown = masked({"secret": [inner, {"x": text}]}, NOTHING)
    assert shown["secret"][1] == {"x": MASK}


@pytest.mark.parametrize(
    "line",
    [
        "token: hunter2",
        'authorization { token: "hunter2" }',
        "  password = 'hunter2'",
        "user: hunter2, password: hunter2",
        "token hunter2",
        "users = [ {user: a, pass: hunter2} ]",
        "password: $2a$11$hunter2",
        "routes: [ nats://me:hunter2@host:4222 ]",
    ],
)
def test_lines_of_nats_server(line):
    """In each of its notations."""
    shown = masked_line(line, ())
    assert "hunter2" not in shown
    assert MASK in shown


@pytest.mark.parametrize("line", ["token: $NATS_TOKEN", "port: 4222", "# a token for nobody", "max_payload: 8MB", "}"])
def test_lines_of_nats_server_without_secrets(line):
    """They are shown, and so is what the shipped file has."""
    assert masked_line(line, ("# a token for nobody",)) == line
