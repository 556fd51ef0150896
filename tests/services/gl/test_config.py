"""gl's config: what is built, and every rule with its path."""

import json
import os
from ipaddress import ip_network
from pathlib import Path

import pytest

from gecholog import config as configs
from gecholog.errors import ConfigError, GechologError
from services.gl.config import build, config_spec
from services.gl.errors import ErrorFormat
from services.gl.images.rule import ImageRule
from services.gl.limits import Limits
from services.gl.record.filter import FieldFilter
from services.gl.routing.cors import Cors
from services.gl.routing.routers import Timeouts
from tests.services.gl.rig.gateway import config_of, processor, router

ENVIRON = {"NATS_TOKEN": "a-token-of-a-test"}


def values(**more):
    return config_of(
        "localhost:4222", [router("/a/", "https://target/v1?k=v", headers={"api-key": ["secret-key"]})], **more
    )


def check(value, environ=ENVIRON):
    return configs.check(json.dumps(value).encode(), "gl_config.json", config_spec(), environ)


def problems(value, environ=ENVIRON):
    """Paths of what is wrong with a config that is refused."""
    with pytest.raises(ConfigError) as caught:
        check(value, environ)
    return {problem.path for problem in caught.value.problems}


def warnings(value):
    return {warning.path for warning in check(value).warnings}


def test_built():
    """Everything in the file is in the config, headers in canonical form, times in seconds."""
    config = build(
        check(
            values(
                masked_headers=["API-key"],
                remove_headers=["x-gone"],
                session_id_header="session-id",
                trusted_proxies=["10.0.0.0/8", "::1"],
                shutdown_timeout_ms=1500,
                limits={"request_body_bytes": 10, "idle_timeout_ms": 0, "request_head_timeout_ms": 250},
                request={
                    "processors": [
                        [processor("one"), processor("two", **{"async": True})],
                        [processor("three", required=True)],
                    ]
                },
                logger={
                    "request": {"fields_exclude": ["ingress_payload"]},
                    "response": {"fields_include": ["gl_path"]},
                },
            )
        )
    )
    assert config.masked == {"Api-Key"}
    assert config.removed == {"X-Gone"}
    assert config.session_header == "Session-Id"
    assert config.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("::1"))
    assert config.shutdown_time == 1.5
    assert config.limits == Limits(request_body=10, idle_time=None, request_head_time=0.25)
    assert [[entry.name for entry in row] for row in config.request.sync_rows] == [["one"], ["three"]]
    assert [[entry.name for entry in row] for row in config.request.async_rows] == [["two"]]
    assert config.request.sync_rows[1][0].required
    assert config.request.sync_rows[0][0].timeout == 5.0
    assert config.log_request == FieldFilter(exclude=frozenset({"ingress_payload"}))
    assert config.log_response == FieldFilter(include=("gl_path",))
    assert config.routers["/a/"].target.headers == {"Api-Key": ["secret-key"]}
    assert config.bus.credentials.token == ENVIRON["NATS_TOKEN"]


def test_defaults():
    """Old files without the newer fields get the usual limits."""
    value = values()
    for name in ("masked_headers", "remove_headers", "log_unauthorized", "gl_host"):
        del value[name]
    config = build(check(value))
    assert config.limits == Limits()
    assert config.limits.request_body == 100 * 1024 * 1024
    assert (config.masked, config.removed, config.log_unauthorized) == (frozenset(), frozenset(), False)
    assert config.log_max_payload == 1024 * 1024
    assert config.routers["/a/"].target.timeouts == Timeouts()
    assert not config.routers["/a/"].target.add_stream_usage
    assert config.request.sync_rows == config.response.async_rows == ()


def test_timeouts_of_a_router():
    """Milliseconds in the file are seconds in the config; 0 is no limit."""
    times = {"connect_ms": 1, "first_byte_ms": 0, "total_ms": 2500}
    config = build(check(values() | {"routers": [router("/a/", "http://h", timeouts=times)]}))
    assert config.routers["/a/"].target.timeouts == Timeouts(connect=0.001, first_byte=None, total=2.5)


def test_no_secret_in_the_repr():
    """A config that turns up in a log or traceback does not show the token."""
    assert ENVIRON["NATS_TOKEN"] not in repr(build(check(values())).bus)


def test_processors_of_some_routers():
    """The routers of a processor; modifiers of requests may add orders to gl."""
    entry = processor("one", modifier=True, routers=["/a/", "/a/"], output_fields_write=["control", "gl_path"])
    parsed = check(values(request={"processors": [[entry]]}, response={"processors": [[entry]]}))
    assert parsed.warnings == ()
    config = build(parsed)
    assert config.request.sync_rows[0][0].routers == {"/a/"}
    assert (config.request.sync_rows[0][0].add, config.response.sync_rows[0][0].add) == ({"control"}, frozenset())


def test_routers_of_a_processor_that_nobody_knows():
    """A path that no router has is named in a warning; the file is taken. One that is left out has a warning."""
    one, two = processor("one", routers=["/a/"]), processor("two", routers=["/a/", "/x/", "a", "", "/bad"])
    value = values(request={"processors": [[one]]}, response={"processors": [[one], [one, two]]})
    value["routers"].append(router("/bad", "http://h"))
    places = {f"response.processors[1][1].routers[{index}]" for index in (1, 2, 3)}
    assert warnings(value) == {*places, "routers[1].path"}
    assert "/x/" not in "".join(str(warning) for warning in check(value).warnings)


@pytest.mark.parametrize(
    ("side", "change", "field", "rule"),
    [
        ("request", {}, "outbound_payload", "only a modifier"),
        ("request", {"modifier": True}, "outbound_payload", None),
        ("request", {"modifier": True, "async": True}, "outbound_payload", "after the reply"),
        ("request", {}, "control", None),
        ("request", {"async": True}, "control", "after the reply"),
        ("request", {"modifier": True}, "fallback_paths", None),
        ("request", {}, "outbound_query_parameters", None),
        ("response", {}, "egress_payload", "only a modifier"),
        ("response", {"modifier": True}, "egress_payload", None),
        ("response", {"modifier": True, "async": True}, "egress_headers", "after the reply"),
        ("response", {"async": True}, "token_count", None),
    ],
)
def test_fields_that_are_written_in_vain(side, change, field, rule):
    """What gl would not take from a processor is said when the config is read."""
    entry = processor("p") | {"output_fields_write": ["mine", field]} | change
    warnings = check(values(**{side: {"processors": [[entry]]}})).warnings
    if rule is None:
        assert not warnings
    else:
        assert [warning.path for warning in warnings] == [f"{side}.processors[0][0].output_fields_write[1]"]
        assert rule in warnings[0].rule


@pytest.mark.parametrize("wrong", ["/a/", {"/a/": 1}, [3], [["/a/"]], True])
def test_routers_of_a_processor_of_a_wrong_type(wrong):
    """A wrong JSON type refuses the file."""
    (path,) = problems(values(request={"processors": [[processor("one", routers=wrong)]]}))
    assert path.startswith("request.processors[0][0].routers")


def test_masked_query_parameters():
    """A list of names, of which letter case counts; none unless the file says so."""
    assert build(check(values())).masked_parameters == frozenset()
    config = build(check(values(masked_query_parameters=["key", "Key"])))
    assert config.masked_parameters == {"key", "Key"}
    assert problems(values(masked_query_parameters=["key", "key"])) == {"masked_query_parameters"}
    assert problems(values(masked_query_parameters=["", 3])) == {
        "masked_query_parameters[0]",
        "masked_query_parameters[1]",
    }


def test_a_key_for_a_router_of_models():
    """Nothing to warn of: what a client shows to it does not go to a provider. To any other target it does."""
    headers = {"ingress": {"headers": {"Authorization": ["Bearer mine"]}}}
    models = {"path": "/v1/", **headers, "outbound": {"models": ["*"]}}
    plain = {"path": "/plain/", **headers, "outbound": {"url": "http://h"}}
    assert warnings(values() | {"routers": [models, plain]}) == {"routers[1].ingress.headers.Authorization"}


def test_schema_explains_every_field():
    """Every field has a title and a description: web forms are drawn from them."""

    def walk(node, path):
        for name, part in node.get("properties", {}).items():
            assert part.get("title"), f"{path}.{name}"
            assert part.get("description"), f"{path}.{name}"
            walk(part, f"{path}.{name}")
        if isinstance(node.get("items"), dict):
            walk(node["items"], f"{path}[]")

    walk(config_spec().schema, "")


def test_default_config_of_the_appliance_is_valid():
    """The config file that ships is taken."""
    file = Path(__file__).parents[3] / "conf" / "gl_config.json"
    environ = dict.fromkeys(("NATS_TOKEN", "AISERVICE_API_KEY", "GECHOLOG_API_KEY"), "something") | {
        "AISERVICE_API_BASE": "https://h"
    }
    parsed = configs.check(file.read_bytes(), "gl_config.json", config_spec(), environ)
    assert parsed.warnings == ()
    assert build(parsed).errors is ErrorFormat.AUTO


# ----------------------------------------------------------------------- rules


@pytest.mark.parametrize(
    "name", ["version", "log_level", "gateway_id", "tls", "service_bus", "gl_port", "session_id_header", "routers"]
)
def test_fields_that_must_be_there(name):
    """A file without a field that is needed is refused, by its name."""
    value = values()
    del value[name]
    assert problems(value) == {name}


@pytest.mark.parametrize("name", ["hostname", "topic", "topic_exact_isalive", "topic_exact_logger", "token"])
def test_fields_of_the_bus_that_must_be_there(name):
    """The same for the bus."""
    value = values()
    del value["service_bus"][name]
    assert problems(value) == {f"service_bus.{name}"}


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("gateway_id", ["", "SHORT", "lower001", "TOOLONG001", "TST 0001", "TST0000\n1", "TST00001\n"]),
        ("version", ["1", "1.0", "v1.0.0", "1.0.0\n", "01.0.0"]),
        ("log_level", ["", "debug", "TRACE"]),
        ("gl_port", [0, -1, 65536]),
        ("session_id_header", ["", "Session Id", "Session:Id", "Session-Id\n", "S\u00e9ssion"]),
        ("log_max_payload_bytes", [0, 100]),
        ("shutdown_timeout_ms", [-1]),
        (
            "service_bus.hostname",
            ["", "localhost", "localhost:", ":4222", "localhost:0", "localhost:65536", "a b:4222"],
        ),
        ("service_bus.topic", ["", "a b", "a.", ".a", "a..b", "a.*", "a.>", "a-b"]),
        ("service_bus.token", ["", "with\ttab", "tökän"]),
        ("limits.request_body_bytes", [0, -1]),
        ("limits.request_head_bytes", [0, 10]),
        ("limits.connections", [-1]),
        ("limits.idle_timeout_ms", [-1]),
    ],
)
def test_rules_of_single_fields(path, wrong):
    """A value that breaks its rule is refused with the field's path."""
    for value in wrong:
        whole = values()
        *folders, name = path.split(".")
        place = whole
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = value
        assert problems(whole) == {path}, value


@pytest.mark.parametrize("other", ["topic_exact_isalive", "topic_exact_logger"])
def test_topics_differ(other):
    """The three topics of gl are three."""
    value = values()
    value["service_bus"][other] = value["service_bus"]["topic"]
    assert problems(value) == {f"service_bus.{other}"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("topic", "topic_exact_isalive"),
        ("topic", "topic_exact_logger"),
        ("topic_exact_isalive", "topic_exact_logger"),
    ],
)
def test_equal_topics_are_both_named(one, other):
    """Whoever reads the message knows both fields."""
    value = values()
    value["service_bus"][other] = value["service_bus"][one]
    with pytest.raises(ConfigError) as caught:
        check(value)
    [problem] = caught.value.problems
    assert (problem.path, problem.rule) == (f"service_bus.{other}", f"must differ from service_bus.{one}")


@pytest.mark.parametrize("field", ["masked_headers", "remove_headers"])
def test_header_lists(field):
    """Names are names, and none comes twice, whatever its letter case."""
    assert problems(values(**{field: ["Api-Key", "api-key"]})) == {field}
    assert problems(values(**{field: ["Api-Key", "Api-Key"]})) == {field}
    assert problems(values(**{field: ["Api-Key", "not a name"]})) == {f"{field}[1]"}


@pytest.mark.parametrize(
    ("names", "place"),
    [
        (["Api-Key", "api-key"], ""),
        (["Api-Key", "Api-Key"], ""),
        (["Api-Key", "not a name"], "[1]"),
    ],
)
def test_headers_that_a_router_removes(names, place):
    """The rules are those of the gateway's own list; a list that breaks one costs its router alone."""
    whole = values()
    whole["routers"].append(router("/b/", "http://h", remove_headers=names))
    assert warnings(whole) == {f"routers[1].outbound.remove_headers{place}"}
    whole["routers"][1] = router("/b/", "http://h", remove_headers=["x-api-key", "Api-Key"])
    assert build(check(whole)).routers["/b/"].target.removed == {"X-Api-Key", "Api-Key"}


@pytest.mark.parametrize("side", ["request", "response"])
@pytest.mark.parametrize("field", ["name", "service_bus_topic"])
def test_processors_of_a_row_differ(side, field):
    """Name and topic are unique in a row, and may come again in another one."""
    one, two = processor("one"), processor("two")
    two[field] = one[field]
    assert problems(values(**{side: {"processors": [[processor("zero")], [one, two]]}})) == {
        f"{side}.processors[1][{place}].{field}" for place in (0, 1)
    }
    assert not check(values(**{side: {"processors": [[one], [two]]}})).warnings


@pytest.mark.parametrize(
    "wrong",
    [{"timeout": 0}, {"name": ""}, {"name": "a b"}, {"service_bus_topic": "a..b"}, {"input_fields_include": ["a b"]}],
)
def test_rules_of_a_processor(wrong):
    """A wrong value of a processor is refused with its place."""
    (name,) = wrong
    (path,) = problems(values(request={"processors": [[processor("one") | wrong]]}))
    assert path.startswith(f"request.processors[0][0].{name}")


def test_tls_files(tmp_path):
    """Files of TLS must exist, those of ingress if it is enabled."""
    here = tmp_path / "here.pem"
    here.write_text("")
    tls = {
        "ingress": {"enabled": True, "certificate_file": str(here), "private_key_file": "nowhere"},
        "outbound": {"cert_files": [str(here), "gone"]},
    }
    assert problems(values(tls=tls)) == {"tls.ingress.private_key_file", "tls.outbound.cert_files[1]"}
    os.mkfifo(fifo := tmp_path / "fifo")
    tls["ingress"]["private_key_file"] = tls["outbound"]["cert_files"][1] = str(fifo)
    assert problems(values(tls=tls)) == {"tls.ingress.private_key_file", "tls.outbound.cert_files[1]"}
    tls["outbound"]["cert_files"] = [str(here), str(here)]
    tls["ingress"]["enabled"] = False
    assert problems(values(tls=tls)) == {"tls.outbound.cert_files"}


def test_tls_files_that_hold_nothing(tmp_path):
    """A file without a certificate is refused when the config is taken."""
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    tls = {
        "ingress": {"enabled": False, "certificate_file": "", "private_key_file": ""},
        "outbound": {"cert_files": [str(empty)]},
    }
    config = build(check(values(tls=tls)))
    assert config.ingress_tls is None
    with pytest.raises(GechologError, match=r"^tls\.outbound\.cert_files cannot be used: ."):
        _ = config.outbound_context
    tls["outbound"]["cert_files"] = []
    tls["ingress"] = {"enabled": True, "certificate_file": str(empty), "private_key_file": str(empty)}
    config = build(check(values(tls=tls)))
    assert config.outbound_context
    with pytest.raises(GechologError, match=r"^tls\.ingress cannot be used: ."):
        _ = config.ingress_tls


def test_tls_files_that_do_not_fit(tmp_path, tls_files):
    """PEM files that are broken, or a key of another certificate, are refused by the check already."""
    broken = tmp_path / "broken.pem"
    broken.write_bytes(tls_files.certificate.read_bytes()[:200])
    _, key_of_another = tls_files.issue("another")
    tls = {
        "ingress": {
            "enabled": True,
            "certificate_file": str(tls_files.certificate),
            "private_key_file": str(key_of_another),
        },
        "outbound": {"cert_files": [str(tls_files.authority), str(broken)]},
    }
    assert problems(values(tls=tls)) == {"tls.ingress", "tls.outbound.cert_files[1]"}
    tls["ingress"]["private_key_file"] = str(tls_files.private_key)
    tls["outbound"]["cert_files"].pop()
    assert build(check(values(tls=tls))).ingress_tls


def test_trusted_proxies():
    """Addresses and networks, nothing else."""
    assert problems(values(trusted_proxies=["10.0.0.0/8", "proxy.example", "10.0.0.1/8"])) == {
        "trusted_proxies[1]",
        "trusted_proxies[2]",
    }


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"path": "b/"}, "path"),
        ({"path": "/b"}, "path"),
        ({"path": "/b c/"}, "path"),
        ({"path": "/b/../"}, "path"),
        ({"path": "/./"}, "path"),
        ({"path": "/%2e%2e/"}, "path"),
        ({"path": "/b/\n"}, "path"),
        ({"outbound": {}}, "outbound.url"),
        ({"outbound": {"url": ""}}, "outbound.url"),
        ({"outbound": {"url": "ftp://h"}}, "outbound.url"),
        ({"outbound": {"url": "http://"}}, "outbound.url"),
        ({"outbound": {"url": "http://h:99999"}}, "outbound.url"),
        *[
            ({"outbound": {"url": f"https://{host}"}}, "outbound.url")
            for host in (".openai.azure.com", "foo..bar", ".", "..", "a..", "a..b:8080/v1", "$no", "$no:80", "$no.a.b")
        ],
        ({"outbound": {"url": f"https://{'a' * 64}.com"}}, "outbound.url"),
        ({"outbound": {"url": "http://h", "headers": {"a": ["Bearer $no"]}}}, "outbound.headers.a[0]"),
        ({"outbound": {"url": "http://h", "headers": {"a": ["x", "a${no}b"]}}}, "outbound.headers.a[1]"),
        ({"ingress": {"headers": {"a": ["Bearer ${no}"]}}}, "ingress.headers.a[0]"),
        ({"outbound": {"url": "http://h", "headers": {"a b": ["x"]}}}, "outbound.headers"),
        ({"outbound": {"url": "http://h", "headers": {"a": []}}}, "outbound.headers.a"),
        ({"outbound": {"url": "http://h", "headers": {"a": [""]}}}, "outbound.headers.a[0]"),
        ({"outbound": {"url": "http://h", "headers": {"a": ["x\r\nY: z"]}}}, "outbound.headers.a[0]"),
        ({"outbound": {"url": "http://h", "headers": {"a": ["ü"]}}}, "outbound.headers.a[0]"),
        ({"ingress": {"headers": {"a": []}}}, "ingress.headers.a"),
        ({"ingress": {"headers": {"": ["x"]}}}, "ingress.headers"),
        *[
            ({"outbound": {"url": "http://h", "endpoint": text}}, "outbound.endpoint")
            for text in ("a//b", "../a", "a??b", "a./b", "a/=b", "a=/b", "a/?b", "a?/b", "a b", "a#b", "a\n")
        ],
    ],
)
def test_router_with_a_wrong_value_is_left_out(change, path):
    """A router whose values break a rule is left out with a warning; the others serve."""
    value = values()
    value["routers"].append({**router("/b/", "http://h"), **change})
    parsed = check(value)
    assert f"routers[1].{path}" in {warning.path for warning in parsed.warnings}
    assert [entry["path"] for entry in parsed.values["routers"]] == ["/a/"]


def with_images(option):
    """A config with a router of models that has the option."""
    return values(models=[]) | {
        "routers": [*values()["routers"], {"path": "/v1/", "outbound": {"models": ["*"], "fetch_images": option}}]
    }


@pytest.mark.parametrize("option", ["off", "public", ["images.example.com", "cdn.example.com:8443"]])
def test_fetch_images(option):
    """Whether images are fetched is a matter of the router; without the option, none are."""
    config = build(check(with_images(option)))
    assert config.routers["/v1/"].fetch_images == ImageRule.of(option)
    assert config.routers["/a/"].fetch_images == ImageRule.of("off")


@pytest.mark.parametrize(
    ("option", "place"),
    [
        ("on", ""),
        ([], ""),
        (["https://a"], "[0]"),
        (["a", "*.example.com"], "[1]"),
        (["0x7f.1"], "[0]"),
        (["a", "a:0"], "[1]"),
    ],
)
def test_fetch_images_with_a_wrong_value(option, place):
    """A wrong value costs its router alone."""
    assert warnings(with_images(option)) == {f"routers[1].outbound.fetch_images{place}"}


@pytest.mark.parametrize("option", [True, 7, {"hosts": []}])
def test_fetch_images_of_a_wrong_type(option):
    """A wrong JSON type refuses the file."""
    assert problems(with_images(option)) == {"routers[1].outbound.fetch_images"}


def test_fetch_images_without_models():
    """The option says nothing to a router with a url."""
    one = values()["routers"][0]
    one["outbound"]["fetch_images"] = "off"
    assert warnings(values() | {"routers": [*values()["routers"], one | {"path": "/b/"}]}) == {
        "routers[1].outbound.fetch_images"
    }


def crossing(**rules):
    """A config with a second router that pages may call."""
    entry = router("/b/", "http://h")
    entry["ingress"]["cors"] = rules
    value = values()
    value["routers"].append(entry)
    return value


def test_cors():
    """What the file says of pages, and what holds if it says less; without it there is none."""
    full = {
        "allow_origins": ["https://a.b", "http://localhost:3000", "http://[::1]:5173", "app://x"],
        "allow_methods": ["POST"],
        "allow_headers": ["Api-Key"],
        "expose_headers": ["Session-Id"],
        "max_age_seconds": 0,
    }
    routers = build(check(crossing(**full))).routers
    assert routers["/a/"].cors is None
    assert routers["/b/"].cors == Cors(frozenset(full["allow_origins"]), ("POST",), ("Api-Key",), ("Session-Id",), 0)
    assert build(check(crossing(allow_origins=["*"]))).routers["/b/"].cors == Cors(frozenset("*"))


@pytest.mark.parametrize(
    ("rules", "place"),
    [
        ({"allow_origins": []}, "allow_origins"),
        *[
            ({"allow_origins": [origin]}, "allow_origins[0]")
            for origin in (
                "",
                "a.b",
                "https://a.b/",
                "https://A.b",
                "HTTPS://a.b",
                "https://*.a.b",
                "https://u@a.b",
                "https://a.b:443",
                "http://a.b:80",
                "https://a.b\n",
                "null",
                "$no",
            )
        ],
        ({"allow_origins": ["*", "https://a.b"]}, "allow_origins"),
        ({"allow_origins": ["https://a.b", "https://a.b"]}, "allow_origins"),
        ({"allow_origins": ["*"], "allow_methods": ["post"]}, "allow_methods[0]"),
        ({"allow_origins": ["*"], "allow_methods": ["*", "POST"]}, "allow_methods"),
        ({"allow_origins": ["*"], "allow_headers": ["a b"]}, "allow_headers[0]"),
        ({"allow_origins": ["*"], "expose_headers": ["*", "A"]}, "expose_headers"),
        ({"allow_origins": ["*"], "max_age_seconds": -1}, "max_age_seconds"),
    ],
)
def test_cors_with_a_wrong_value(rules, place):
    """A router that would let other pages in than those that are meant is left out; the others serve."""
    parsed = check(crossing(**rules))
    assert f"routers[1].ingress.cors.{place}" in {warning.path for warning in parsed.warnings}
    assert [entry["path"] for entry in parsed.values["routers"]] == ["/a/"]


@pytest.mark.parametrize(
    ("rules", "place"),
    [
        ({"allow_origins": "*"}, ".allow_origins"),
        ({"allow_origins": ["*"], "max_age_seconds": "1"}, ".max_age_seconds"),
    ],
)
def test_cors_of_a_wrong_type(rules, place):
    """A wrong type refuses the file, as everywhere."""
    assert problems(crossing(**rules)) == {f"routers[1].ingress.cors{place}"}


@pytest.mark.parametrize(
    "url",
    ["https://h.", "https://a.b.:443", "http://[::1]:80/v1", "http://a_b.c", f"https://{'a' * 63}.b", "http://h/$no/x"],
)
def test_urls_that_are_taken(url):
    """A complete name ends with a dot; a variable that is not set may leave the path without something."""
    assert not check(values() | {"routers": [router("/a/", url)]}).warnings


def test_what_a_variable_leaves_is_told():
    """The warning names the router, the field and the variable."""
    value = values()
    value["routers"].append(router("/b/", "https://${AZURE_NAME}.openai.azure.com"))
    [warning] = check(value).warnings
    assert warning.consequence == "router /b/ is left out"
    assert "host name without an empty part" in warning.rule
    assert "AZURE_NAME, which is not set" in warning.rule


def wanting(name="Api-Key", wanted=("secret",), **outbound):
    """A router that asks for a header."""
    entry = router("/b/", "http://h")
    entry["outbound"] |= outbound
    return entry | {"ingress": {"headers": {name: list(wanted)}}}


@pytest.mark.parametrize(
    ("entry", "place", "rule"),
    [
        (wanting("X-A", ["a", "b"]), "X-A", "not alternatives"),
        (wanting("X-A", ["regex:^a"]), "X-A[0]", "the only pattern is regex:.+"),
        (wanting("X-A", ["regex:.*"]), "X-A[0]", "the only pattern is regex:.+"),
        (wanting("X-A", ["regex:.+"]), None, ""),
        (wanting("X-A", ["a"]), None, ""),
        (wanting(), "Api-Key", "is forwarded"),
        (wanting("authorization"), "authorization", "is forwarded"),
        (wanting("X-Masked"), "X-Masked", "is forwarded"),
        (wanting("Proxy-Authorization"), None, ""),
        (wanting(wanted=["regex:.+"]), None, ""),
        (wanting(headers={"api-key": ["other"]}), None, ""),
        (wanting(remove_headers=["API-KEY"]), None, ""),
        (wanting("x-gone-key"), None, ""),
        (wanting() | {"path": "/echo/b/"}, None, ""),
    ],
)
def test_ingress_headers_that_people_take_for_something_else(entry, place, rule):
    """Several values, expressions, and a key of the gateway that would be forwarded to the target."""
    value = values(masked_headers=["x-masked", "x-gone-key"], remove_headers=["X-Gone-Key"])
    value["routers"].append(entry)
    found = check(value).warnings
    assert [warning.path for warning in found] == ([f"routers[1].ingress.headers.{place}"] if place else [])
    assert all(rule in warning.rule for warning in found)


@pytest.mark.parametrize("path", ["/b/", "/b", "b/", " /b/ "])
def test_calls_of_a_router_that_is_left_out(path):
    """No shorter path takes them: that would be another target, without what the router asks for."""
    value = values()
    value["routers"] += [router("/", "http://h"), {**router("/b/", "ftp://h"), "path": path}]
    routers = build(check(value)).routers
    assert routers.match("/b/x") is None
    assert routers.get("/b/") is None
    assert routers.lacks_slash("/b")
    assert routers.match("/c/x").path == "/"
    assert routers.match("/a/x").path == "/a/"


def test_router_without_outbound_is_left_out():
    """The same for a router that leads nowhere."""
    value = values()
    value["routers"].append({"path": "/b/"})
    assert warnings(value) == {"routers[1].outbound"}


def test_router_may_leave_out_headers():
    """A router without headers to ask for, and without headers to add, is a router."""
    value = values()
    value["routers"] = [{"path": "/b/", "outbound": {"url": "http://h"}}]
    assert build(check(value)).routers["/b/"].required_headers == {}


@pytest.mark.parametrize(
    "endpoint",
    ["", "a", "/a/b", "v1/chat?api-version=2024-02-01", "/v1/models/gemini:generateContent", "a?b=c,d&e=%20", "a_b-c"],
)
def test_endpoints_that_are_taken(endpoint):
    """Paths with a query, `:`, `,`, `&` and escapes too."""
    assert not check(values() | {"routers": [router("/a/", "http://h", endpoint=endpoint)]}).warnings


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": 3},
        {"path": ["/b/"]},
        {"outbound": []},
        {"outbound": {"url": 3}},
        {"ingress": "x"},
        {"outbound": {"url": "http://h", "headers": {"a": "x"}}},
        {"ingress": {"headers": {"a": [1]}}},
        {"outbound": {"url": "http://h", "add_stream_usage": "yes"}},
        {"outbound": {"url": "http://h", "timeouts": {"total_ms": "1"}}},
    ],
)
def test_router_with_a_wrong_type_refuses_the_file(wrong):
    """A wrong JSON type anywhere refuses the whole file, routers included."""
    value = values()
    value["routers"].append({**router("/b/", "http://h"), **wrong})
    assert all(path.startswith("routers[1]") for path in problems(value))


def test_two_routers_of_one_path():
    """Nobody could tell which one serves: the file is refused, and both are named."""
    value = values()
    value["routers"].append(router("/a/", "http://other"))
    places = [place for place, entry in enumerate(value["routers"]) if entry["path"] == "/a/"]
    assert len(places) == 2
    assert problems(value) == {f"routers[{place}].path" for place in places}


def test_no_router_left():
    """At least one router has to be valid."""
    assert "routers" in problems(values() | {"routers": []})
    assert "routers" in problems(values() | {"routers": [router("bad", "http://h")]})


def test_all_problems_at_once():
    """Whoever mends a file sees everything that is wrong with it."""
    value = values(gateway_id="x", gl_port=0, log_level="LOUD")
    value["service_bus"]["token"] = ""
    assert problems(value) == {"gateway_id", "gl_port", "log_level", "service_bus.token"}


def test_unknown_fields_are_named():
    """Unknown fields are ignored with a warning: old files have `license_file`."""
    value = values(license_file="x")
    value["routers"][0]["outbound"]["colour"] = "blue"
    assert warnings(value) == {"license_file", "routers[0].outbound.colour"}


def test_problems_quote_no_value():
    """No message holds a value of the file or of the environment."""
    value = values(gateway_id="CANARY-1", session_id_header="CANARY 2")
    value["service_bus"]["token"] = "${NATS_TOKEN}\tCANARY"
    value["routers"].append(router("/b/", "ftp://CANARY", headers={"a": ["CANARY\x01"]}))
    with pytest.raises(ConfigError) as caught:
        check(value, {"NATS_TOKEN": "CANARY"})
    assert "CANARY" not in str((caught.value, caught.value.problems, caught.value.warnings))
    assert len((*caught.value.problems, *caught.value.warnings)) >= 5
