"""Client keys and the forms for them."""

import pytest

from gecholog.keys.credential import digest
from services.gui import key_form
from services.gui.key_form import WrongForm

NOW = 1_796_000_000.0
FULL = {
    "name": "ci",
    "owner": "platform",
    "tags": "a, b",
    "models": "gpt-4o*\nclaude-*",
    "routers": "/v1/ /dummy/",
    "rpm": "60",
    "tpm": "",
    "rpd": "",
    "concurrency": "2",
    "max_output_tokens": "4096",
    "max_body_bytes": "",
    "budget": "20/month",
    "expires": "90d",
    "no_payloads": "on",
}


def test_a_form_becomes_a_key_and_again_the_form():
    key, text = key_form.created(FULL, NOW)
    assert key.hash == digest(text)
    assert (key.models, key.routers, key.tags) == (("gpt-4o*", "claude-*"), ("/v1/", "/dummy/"), ("a", "b"))
    assert (key.limits.quotas.rpm, key.limits.quotas.concurrency, key.record_payloads) == (60, 2, False)
    assert key.expires == NOW + 90 * 86_400
    assert key_form.changed(key, key_form.values(key) | {"no_payloads": "on"}, NOW + 5) == key
    assert key_form.limits(key)[:3] == ["60 calls/min", "2 at a time", "20/month"]


def test_what_the_form_does_not_have_is_removed():
    key, _ = key_form.created(FULL, NOW)
    plain = key_form.changed(key, {"name": "ci"}, NOW)
    assert (plain.limits.budget, plain.models, plain.expires, plain.record_payloads) == (None, None, None, True)
    assert (plain.id, plain.hash, plain.created) == (key.id, key.hash, key.created)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("rpm", "0"),
        ("rpm", "-1"),
        ("tpm", "many"),
        ("tpm", "9" * 30),
        ("budget", "20"),
        ("budget", "much/month"),
        ("expires", "tomorrow"),
        ("expires", "2027-02-30"),
    ],
)
def test_a_wrong_field_is_named(field, value):
    with pytest.raises(WrongForm) as caught:
        key_form.created(FULL | {field: value}, NOW)
    assert list(caught.value.problems) == [field]


def test_a_wrong_path_is_refused():
    with pytest.raises(WrongForm, match="routers"):
        key_form.created(FULL | {"routers": "v1"}, NOW)


def test_states():
    key, _ = key_form.created(FULL, NOW)
    assert key_form.state(key, NOW) == "active"
    assert key_form.state(key, NOW + 91 * 86_400) == "expired"


def test_snippets_hold_the_address_and_the_key():
    for _, text in key_form.snippets("http://gate:5380", "sk-gl-x", "m"):
        assert "http://gate:5380" in text
        assert "sk-gl-x" in text
        assert "ADDRESS" not in text
