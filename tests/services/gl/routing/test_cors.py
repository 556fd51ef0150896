"""Cross-origin requests of browsers: preflights, and the headers of answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gl.routing import cors
from services.gl.routing.cors import Cors
from tests.services.gl.rig.gateway import router

APP = "https://app.example.com"
OTHER = "https://other.example.com"


def asking(origin=APP, method="POST", headers="api-key,content-type"):
    return {
        "Origin": [origin],
        "Access-Control-Request-Method": [method],
        "Access-Control-Request-Headers": [headers],
    }


def rules(*origins, **more):
    return Cors(frozenset(origins), **more)


# ------------------------------------------------------------------ pure


@pytest.mark.parametrize(
    ("method", "came", "expected"),
    [
        ("OPTIONS", asking(), True),
        ("OPTIONS", {"Origin": [APP]}, False),
        ("OPTIONS", {"Access-Control-Request-Method": ["POST"]}, False),
        ("POST", asking(), False),
        ("options", asking(), False),
    ],
)
def test_is_preflight(method, came, expected):
    """OPTIONS with both headers is a browser's question; everything else is a request like others."""
    assert cors.is_preflight(method, came) is expected


def test_preflight_of_anybody():
    """`*`: what is asked for is allowed by its name, for `*` would not cover Authorization."""
    assert cors.preflight(rules("*", max_age=600), asking(headers="Authorization, x-a")) == {
        "Access-Control-Allow-Origin": ["*"],
        "Access-Control-Allow-Methods": ["POST"],
        "Access-Control-Allow-Headers": ["Authorization, x-a"],
        "Access-Control-Max-Age": ["600"],
        "Vary": ["Access-Control-Request-Method, Access-Control-Request-Headers"],
    }


def test_preflight_of_an_allowed_origin():
    """The lists of the config are sent as they are; the origin is echoed, and caches are told."""
    found = cors.preflight(rules(APP, OTHER, methods=("GET", "POST"), headers=("Api-Key",)), asking(OTHER, "PUT"))
    assert found == {
        "Access-Control-Allow-Origin": [OTHER],
        "Access-Control-Allow-Methods": ["GET, POST"],
        "Access-Control-Allow-Headers": ["Api-Key"],
        "Vary": ["Origin", "Access-Control-Request-Method, Access-Control-Request-Headers"],
    }


@pytest.mark.parametrize("origin", [OTHER, "null", APP.upper(), APP + ":443", APP + "/", APP + ".evil.org", "", "*"])
def test_preflight_of_another_origin(origin):
    """Nothing is allowed; origins are compared byte by byte, as browsers do."""
    assert cors.preflight(rules(APP), asking(origin)) == {"Vary": ["Origin"]}


def test_origin_that_comes_twice():
    """No browser sends two: none of them counts."""
    assert cors.preflight(rules(APP), asking() | {"Origin": [APP, APP]}) == {"Vary": ["Origin"]}


def test_methods_and_headers_that_are_none():
    """What is echoed are names, and nothing else."""
    came = asking(method="PO ST", headers="a, b c, ,d:e, f")
    found = cors.preflight(rules("*"), came)
    assert "Access-Control-Allow-Methods" not in found
    assert found["Access-Control-Allow-Headers"] == ["a, f"]


def test_answer():
    """The target's own CORS headers are replaced, whatever they say; nothing comes twice."""
    sent = {
        "Content-Type": ["text/plain"],
        "Access-Control-Allow-Origin": ["https://else"],
        "Access-Control-Allow-Credentials": ["true"],
        "Vary": ["Accept-Encoding"],
    }
    assert cors.with_cors_headers(rules(APP, exposed=("Session-Id", "X-A")), {"Origin": [APP]}, sent) == {
        "Content-Type": ["text/plain"],
        "Access-Control-Allow-Origin": [APP],
        "Access-Control-Expose-Headers": ["Session-Id, X-A"],
        "Vary": ["Accept-Encoding", "Origin"],
    }
    assert cors.with_cors_headers(rules("*"), {}, sent) == {
        "Content-Type": ["text/plain"],
        "Access-Control-Allow-Origin": ["*"],
        "Vary": ["Accept-Encoding"],
    }
    assert cors.with_cors_headers(rules(APP), {"Origin": [OTHER]}, {}) == {"Vary": ["Origin"]}


@pytest.mark.parametrize("vary", [["origin"], ["Accept, ORIGIN"], ["*"], ["a", "Origin"]])
def test_vary_that_is_there(vary):
    """A name that `Vary` has is not added, and `*` is more than any name."""
    assert cors.with_cors_headers(rules(APP), {}, {"Vary": vary})["Vary"] == vary


@given(
    st.sets(st.sampled_from(["*", APP, OTHER])).filter(bool),
    st.sampled_from([APP, OTHER, "null", None]),
    st.dictionaries(
        st.sampled_from(["Vary", "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "X-A"]),
        st.lists(st.sampled_from(["Origin", "*", "a, b"]), min_size=1),
    ),
)
def test_rules_of_all_answers(origins, origin, sent):
    """One origin at most, never with credentials; one that is echoed is one that is allowed; other headers stay."""
    found = cors.with_cors_headers(Cors(frozenset(origins)), {"Origin": [origin]} if origin else {}, sent)
    allowed = found.get("Access-Control-Allow-Origin", [])
    assert allowed in ([], ["*"], [origin])
    assert allowed != ["*"] or "*" in origins
    assert not allowed or set(allowed) <= origins
    assert "Access-Control-Allow-Credentials" not in found
    assert found.get("X-A") == sent.get("X-A")
    assert "*" in origins or "Vary" in found


# ------------------------------------------------------------------ a gateway


@pytest.fixture(scope="module")
def crossing(run_gateway, shared_upstream):
    """A gateway whose routers are called from pages."""
    locked = router("/locked/", shared_upstream.url, required={"Api-Key": ["k"]})
    locked["ingress"]["cors"] = {"allow_origins": [APP], "expose_headers": ["Session-Id"], "max_age_seconds": 60}
    anybody = router("/open/", shared_upstream.url)
    anybody["ingress"]["cors"] = {"allow_origins": ["*"]}
    away = router("/away/", "http://127.0.0.1:1")
    away["ingress"]["cors"] = {"allow_origins": [APP]}
    return run_gateway(
        [locked, anybody, away, router("/plain/", shared_upstream.url)], limits={"request_body_bytes": 1000}
    )


ASKING = {name: values[0] for name, values in asking().items()}


def test_preflight_needs_no_key(crossing, upstream):
    """gl answers itself, at once, with an empty 204 on a connection that stays."""
    with crossing.client() as client:
        for _ in range(2):
            reply = client.ask("OPTIONS", "/locked/v1/x", ASKING).reply()
            assert (reply.status, reply.body) == (204, b"")
            assert reply.value("Access-Control-Allow-Origin") == APP
            assert reply.value("Access-Control-Allow-Headers") == "api-key, content-type"
            assert reply.value("Access-Control-Max-Age") == "60"
            assert reply.value("Session-Id") is None
            assert reply.value("Content-Length") is None
    assert upstream.seen == []


def test_preflights_are_not_recorded(crossing, bus):
    """The record of the call behind it is the first that comes."""
    crossing.call("OPTIONS", "/open/v1/preflight", ASKING)
    crossing.call("GET", "/open/v1/behind", {"Origin": APP})
    bus.of_path("v1/behind")
    assert not [record for record in bus.records if record["request"].get("ingress_subpath") == "v1/preflight"]


def test_other_options_are_calls(crossing, upstream):
    """OPTIONS that is no preflight is forwarded, and needs the router's headers; so does a preflight without cors."""
    assert crossing.call("OPTIONS", "/locked/x", {"Origin": APP}).status == 401
    assert crossing.call("OPTIONS", "/open/x", {"Origin": APP}).status == 200
    upstream.asked()
    assert crossing.call("OPTIONS", "/plain/x", ASKING).status == 200
    assert upstream.asked().values("Origin") == [APP.encode()]


def test_answer_of_the_target(crossing, upstream, bus):
    """What the target says of origins is replaced; the record shows what the client got."""
    upstream.behaviour = lambda talk: talk.reply(
        b"{}",
        200,
        "Access-Control-Allow-Origin: https://else",
        "Access-Control-Allow-Credentials: true",
        "Vary: Accept",
    )
    reply = crossing.call("GET", "/locked/x", {"Origin": APP, "Api-Key": "k"})
    assert reply.status == 200
    assert reply.value("Access-Control-Allow-Origin") == APP
    assert reply.value("Access-Control-Expose-Headers") == "Session-Id"
    assert reply.value("Access-Control-Allow-Credentials") is None
    assert reply.values("Vary") == ["Accept", "Origin"]
    response = bus.record(reply.transaction)["response"]
    assert response["egress_headers"]["Access-Control-Allow-Origin"] == [APP]
    assert response["inbound_headers"]["Access-Control-Allow-Origin"] == ["https://else"]


def test_answer_without_cors_stays(crossing, upstream):
    """A router without cors passes on what the target says."""
    upstream.behaviour = lambda talk: talk.reply(b"{}", 200, "Access-Control-Allow-Origin: https://else")
    reply = crossing.call("GET", "/plain/x", {"Origin": APP})
    assert reply.value("Access-Control-Allow-Origin") == "https://else"
    assert reply.value("Vary") is None


@pytest.mark.parametrize(
    ("path", "headers", "body", "status"),
    [
        ("/locked/x", {}, b"", 401),
        ("/locked/x", {"Api-Key": "k"}, b"x" * 2000, 413),
        ("/away/x", {}, b"", 502),
    ],
)
def test_errors_of_the_gateway(crossing, path, headers, body, status):
    """A page may read why its call failed; another page may not."""
    reply = crossing.call("POST", path, headers | {"Origin": APP}, body)
    assert (reply.status, list(reply.json())) == (status, ["error"])
    assert reply.value("Access-Control-Allow-Origin") == APP
    assert reply.value("Vary") == "Origin"
    reply = crossing.call("POST", path, headers | {"Origin": OTHER}, body)
    assert reply.value("Access-Control-Allow-Origin") is None
    assert reply.value("Vary") == "Origin"
