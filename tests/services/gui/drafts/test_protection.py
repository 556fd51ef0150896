"""What an editor cannot weaken."""

import pytest

from services.gui.drafts.protection import protection_problems

DEPLOYED = {
    "tls": {"outbound": {"insecure": False, "system_cert_pool": False, "cert_files": ["/ca.pem"]}},
    "service_bus": {"hostname": "nats:4222", "tls": {"cert_files": ["/bus.pem"]}},
    "masked_headers": ["Authorization", "Api-Key"],
    "masked_query_parameters": ["key"],
}


def outbound(**changed):
    return {"tls": {"outbound": DEPLOYED["tls"]["outbound"] | changed}}


def told(**changed):
    found = protection_problems(DEPLOYED | changed, DEPLOYED)
    assert all(not one.for_everybody for one in found)
    return [one.message for one in found]


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        (outbound(insecure=True), "insecure"),
        (outbound(insecure="${YES}"), "insecure"),
        (outbound(system_cert_pool=True), "system_cert_pool"),
        (outbound(cert_files=["/ca.pem", "working/gl_config_tmp.json"]), "gl_config_tmp.json"),
        (outbound(cert_files="${FILES}"), "${FILES}"),
        ({"service_bus": {"hostname": "nats:4222"}}, "service_bus.tls"),
        ({"service_bus": {"hostname": "nats:4222", "tls": {"insecure": True}}}, "service_bus.tls"),
        ({"masked_headers": ["Authorization"]}, "api-key (masked_headers)"),
        ({"masked_headers": None}, "authorization, api-key"),
        ({"masked_query_parameters": ["KEY"]}, "key (masked_query_parameters)"),
    ],
)
def test_what_needs_an_admin(changed, where):
    (message,) = told(**changed)
    assert where in message


@pytest.mark.parametrize(
    "changed",
    [
        {},
        outbound(cert_files=[]),
        outbound(insecure=None),
        {"tls": {}},
        {"masked_headers": ["api-key", "AUTHORIZATION", "X-Own"]},
        {"masked_query_parameters": ["key", "token"]},
    ],
)
def test_what_an_editor_may_do(changed):
    assert told(**changed) == []


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"insecure": True}, "tls.insecure"),
        ({"system_cert_pool": True}, "tls.system_cert_pool"),
        ({"cert_files": ["/own.pem"]}, "tls.cert_files"),
    ],
)
def test_sinks(changed, where):
    """Their section for TLS is that of the connections to their targets."""
    deployed = {"tls": {"insecure": False, "system_cert_pool": False, "cert_files": []}}
    (found,) = protection_problems({"tls": deployed["tls"] | changed}, deployed)
    assert where in found.message


def test_a_first_file_and_files_of_other_shapes():
    assert protection_problems({"tls": {"outbound": {"system_cert_pool": True}}}, None) == ()
    assert protection_problems([], DEPLOYED) != ()
    assert protection_problems({"tls": 1, "masked_headers": {"a": 1}, "service_bus": []}, None) == ()
