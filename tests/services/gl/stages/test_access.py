"""Who may call, as the stage decides it."""

import pytest

from gecholog.keys import KeyEntry, KeySnapshot
from gecholog.keys.credential import digest, new_key
from services.gl.errors import Refusal
from services.gl.keyring import Keyring
from services.gl.stages import access, ingress
from tests.services.gl.rig.stage import FakeRequest, built, call_of, deps

KEY, UNKNOWN = new_key(), new_key()
LOCAL = "127.0.0.1"


def config(rule, **more):
    return built(
        [{"path": "/service/", "ingress": {"headers": {}, "keys": rule}, "outbound": {"url": "http://target"}}], **more
    )


def dependencies(*, is_watched=True, seen=None, **fields):
    keyring = Keyring()
    keyring.snapshot = KeySnapshot.of([KeyEntry(KEY.id, digest(KEY.text), **fields)])
    keyring.mark_current()
    keyring.watch_with(lambda: is_watched)
    made = deps()
    return type(made)(
        made.bus,
        made.upstream,
        made.records,
        made.status,
        keyring=keyring,
        observe_unrecorded=seen or made.observe_unrecorded,
    )


def authenticated(rule, key="", client="192.0.2.7", dependencies=None, **more):
    lines = [(b"Authorization", f"Bearer {key}".encode())] if key else []
    call = call_of(config(rule, **more), FakeRequest(lines=lines, client=client))
    using = dependencies or globals()["dependencies"]()
    ingress.read_head(call, using)
    access.authenticate(call, using)
    return call


def refusal(*arguments, **more):
    with pytest.raises(Refusal) as caught:
        authenticated(*arguments, **more)
    return caught.value


@pytest.mark.parametrize("rule", ["optional", "remote", "required"])
def test_a_valid_key(rule):
    call = authenticated(rule, KEY.text)
    assert call.key.id == KEY.id
    assert call.client_shown == {"key": KEY.id, "name": "", "owner": "", "tags": []}


@pytest.mark.parametrize("rule", ["optional", "remote", "required"])
@pytest.mark.parametrize("client", [LOCAL, "192.0.2.7"])
def test_a_wrong_key_is_refused_even_where_none_is_required(rule, client):
    """A client that believes it is charged to a key must not be served without one."""
    wrong = KEY.text[:-1] + ("a" if KEY.text[-1] != "a" else "b")
    answers = {
        (one.status, one.text, one.detail) for one in (refusal(rule, key, client) for key in (wrong, UNKNOWN.text))
    }
    assert len(answers) == 1  # one text for all of them
    ((status, _, detail),) = answers
    assert (status, detail.status, detail.code) == (401, 401, "invalid_api_key")


@pytest.mark.parametrize(
    ("rule", "client", "is_served"),
    [
        ("off", "192.0.2.7", True),
        ("optional", "192.0.2.7", True),
        ("remote", "192.0.2.7", False),
        ("remote", LOCAL, True),
        ("required", "192.0.2.7", False),
        ("required", LOCAL, False),
    ],
)
def test_without_a_key(rule, client, is_served):
    if is_served:
        assert authenticated(rule, client=client).key is None
    else:
        assert refusal(rule, client=client).status == 401


def test_a_router_without_keys_checks_none():
    assert authenticated("off", UNKNOWN.text).key is None


def test_a_credential_of_a_provider_is_no_client_key():
    assert authenticated("optional", "sk-of-a-provider").headers["Authorization"] == ["Bearer sk-of-a-provider"]
    assert refusal("required", "sk-of-a-provider").status == 401


@pytest.mark.parametrize("rule", ["off", "optional", "remote", "required"])
def test_a_client_key_is_never_forwarded_nor_recorded(rule):
    call = authenticated(rule, KEY.text)
    assert "Authorization" not in call.headers
    assert KEY.text[-43:] not in repr(call.request_section.fields)


def test_a_router_that_the_key_may_not_use():
    assert authenticated("required", KEY.text, dependencies=dependencies(routers=("/service/",))).key is not None
    refused = refusal("required", KEY.text, dependencies=dependencies(routers=("/v1/",)))
    assert (refused.status, refused.detail.code) == (403, "router_not_allowed")


@pytest.mark.parametrize("is_logged", [False, True])
def test_strangers_leave_no_records(is_logged):
    """Unless the owner wants them."""
    seen = []
    call = call_of(config("required", log_unauthorized=is_logged))
    using = dependencies(seen=lambda *one: seen.append(one))
    ingress.read_head(call, using)
    with pytest.raises(Refusal):
        access.authenticate(call, using)
    assert (call.is_recorded, seen) == (is_logged, [] if is_logged else [("/service/", 401)])


def test_an_outage_is_no_fault_of_the_client():
    """While the bucket is not watched, an unknown key may be a new one. A disabled one is not valid nevertheless."""
    away = dependencies(is_watched=False)
    assert authenticated("required", KEY.text, dependencies=away).key is not None
    for key in (UNKNOWN.text, "imported-key"):
        refused = refusal("required", key, dependencies=away)
        assert (refused.status, refused.headers["Retry-After"]) == (503, ["5"])
    assert refusal("required", dependencies=away).status == 401
    disabled = dependencies(is_watched=False, disabled=True)
    assert refusal("required", KEY.text, dependencies=disabled).status == 401
