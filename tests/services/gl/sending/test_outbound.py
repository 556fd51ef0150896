"""Outbound: the target, its url, headers and body."""

import gzip
import json

import pytest

from gecholog.headers import MASK
from gecholog.rawjson import Raw
from tests.services.gl.rig.gateway import router
from tests.services.gl.rig.stage import FakeRequest, arrived, begun, built, call_of, deps


async def prepared(config=None, request=None, **written):
    """A call whose attempt is prepared, with fields that a processor wrote before it."""
    call = call_of(config, request or FakeRequest())
    await arrived(call, deps())
    for name, value in written.items():
        call.request_section.write({name: Raw(json.dumps(value).encode())})
    return await begun(call)


async def test_unchanged():
    """Without processors path, query, headers and body are forwarded byte for byte."""
    request = FakeRequest("POST", "/service/a%2fb//c", "x=%20+&&y", [(b"X-A", b"\xe9"), (b"X-A", b"2")], b"not json")
    call = await prepared(request=request)
    sent = call.attempt.request
    assert (sent.method, sent.path, sent.query, sent.body) == ("POST", "/a%2fb//c", "x=%20+&&y", b"not json")
    assert sent.headers == {"X-A": ["\udce9", "2"]}
    assert call.request_section.fields["url_path"] == "http://target/a%2fb//c"
    assert call.attempt.url == "http://target/a%2fb//c?x=%20+&&y"
    assert call.request_section.fields["outbound_query_parameters"] == {"x": ["  "], "y": [""]}


async def test_written_by_a_processor():
    """What a processor wrote goes out in place of what came."""
    call = await prepared(
        request=FakeRequest(query="a=1&b=2", lines=[(b"X-A", b"1"), (b"X-B", b"2")], body=b"{}"),
        outbound_subpath="/v1/ä b",
        outbound_headers={"x-a": ["3"], "X-New": ["4", "5"]},
        outbound_query_parameters=[{"name": "a", "details": ["x y", "&"]}],
        outbound_payload={"changed": 1.0},
    )
    sent = call.attempt.request
    assert (sent.path, sent.query) == ("/v1/%C3%A4%20b", "a=x+y&a=%26")
    assert sent.headers == {"X-A": ["3"], "X-New": ["4", "5"]}
    assert json.loads(sent.body) == {"changed": 1.0}
    fields = call.request_section.fields
    assert fields["outbound_headers_discarded"] == {"X-B": []}
    assert fields["outbound_query_parameters_discarded"] == {"b": ["2"]}


async def test_processor_that_writes_what_it_saw_changes_nothing():
    """A sub path that is written back unchanged keeps its raw text."""
    call = await prepared(request=FakeRequest(path="/service/a%2Fb"), outbound_subpath="a/b")
    assert call.attempt.request.path == "/a%2Fb"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("outbound_subpath", 3),
        ("outbound_headers", ["x"]),
        ("outbound_headers", {"X": "not a list"}),
        ("outbound_headers", {"X": ["a\r\nY: b"]}),
        ("outbound_headers", {"X": ["a\0"]}),
        ("outbound_headers", {"X Y": ["a"]}),
        ("outbound_headers", {"": ["a"]}),
        ("outbound_headers", {"X\r\nY": ["a"]}),
        ("outbound_query_parameters", {"a": "b"}),
    ],
)
async def test_wrong_forms_are_noted(name, value):
    """What a processor wrote in a wrong form is noted, and nothing of it goes out."""
    call = await prepared(**{name: value})
    assert [error["name"] for error in call.request_section.errors if error["name"] == name]
    sent = call.attempt.request
    assert not [text for texts in sent.headers.values() for text in texts if "\r" in text or "\0" in text]


async def test_headers_in_a_wrong_form_are_all_lost():
    """The record names them all, except those that go out nevertheless."""
    config = built([router("/service/", "http://t", headers={"X-Static": ["1"]})])
    request = FakeRequest(lines=[(b"X-A", b"1"), (b"X-Static", b"2"), (b"Api-Key", b"real")])
    call = await prepared(config, request, outbound_headers="text")
    assert call.request_section.fields["outbound_headers_discarded"] == {"X-A": [], "Api-Key": [MASK]}
    assert call.attempt.request.headers == {"X-Static": ["1"], "Api-Key": ["real"]}


async def test_what_the_router_carries_cannot_be_left_out():
    """A header or a parameter that a processor leaves out, and the router puts in, is not lost."""
    config = built([router("/service/", "http://t?k=1", endpoint="?l=2", headers={"X-A": ["1"]})])
    request = FakeRequest(query="k=mine&l=mine&m=mine", lines=[(b"X-A", b"mine")])
    call = await prepared(config, request, outbound_headers={}, outbound_query_parameters=[])
    fields = call.request_section.fields
    assert "outbound_headers_discarded" not in fields
    assert fields["outbound_query_parameters_discarded"] == {"m": ["mine"]}


@pytest.mark.parametrize("name", ["outbound_subpath", "outbound_headers", "outbound_query_parameters"])
async def test_null_is_as_good_as_empty(name):
    """Go writes it for a list or a map that was never filled."""
    request = FakeRequest(path="/service/x", query="a=1", lines=[(b"X-A", b"1")])
    call = await prepared(None, request, **{name: None})
    sent = call.attempt.request
    assert call.request_section.errors == []
    assert [sent.path == "/", sent.headers == {}, sent.query == ""] == [
        name == field for field in ("outbound_subpath", "outbound_headers", "outbound_query_parameters")
    ]


@pytest.mark.parametrize("subpath", ["a\r\nX: y", "a b", "a?b", "a#b", "a\0", "\ud800"])
async def test_subpath_of_a_processor_is_encoded(subpath):
    """A processor cannot break the request line."""
    call = await prepared(outbound_subpath=subpath)
    assert not set(call.attempt.request.path) & set("\r\n \0?#")
    assert call.attempt.request.path.isascii()


async def test_other_router():
    """A processor chooses another router: url, query and static headers are all of that one."""
    config = built(
        [
            router("/service/", "http://first/v1?k=first", headers={"X-Static": ["first"]}),
            router("/other/", "http://second/v2?k=second", endpoint="e?l=3", headers={"X-Other": ["second"]}),
        ]
    )
    call = await prepared(config, FakeRequest(query="m=4"), gl_path="/other/")
    sent = call.attempt.request
    assert sent.router.path == "/other/"
    assert (sent.path, sent.query) == ("/v2/e", "m=4&k=second&l=3")
    assert sent.headers == {"X-Other": ["second"]}
    assert call.request_section.fields["original_gl_path"] == "/service/"


@pytest.mark.parametrize("chosen", ["/nowhere/", "/other", "", None, 3, ["/other/"]])
async def test_unknown_router(chosen):
    """A path that no router has keeps the router, and the record says what was written."""
    call = await prepared(gl_path=chosen)
    assert call.attempt.request.router.path == "/service/"
    assert call.request_section.fields["original_gl_path"] == "/service/"
    assert json.loads(call.request_section.fields["gl_path"]) == chosen
    assert [error["name"] for error in call.request_section.errors] == ([] if isinstance(chosen, str) else ["gl_path"])


async def test_masked_headers_keep_their_values():
    """Masked headers go out with the values that came, whatever a processor writes."""
    request = FakeRequest(lines=[(b"Api-Key", b"real"), (b"X-A", b"1")])
    for written in (
        {},
        {"outbound_headers": {"Api-Key": [MASK], "X-A": ["2"]}},
        {"outbound_headers": {"Api-Key": ["forged"]}},
    ):
        call = await prepared(request=request, **written)
        assert call.attempt.request.headers["Api-Key"] == ["real"]
        assert call.attempt.shown_headers["Api-Key"] == [MASK]


async def test_masked_header_without_value_cannot_be_written():
    """A processor cannot bring in a masked header that the client did not send."""
    call = await prepared(outbound_headers={"Authorization": ["Bearer forged"]})
    assert "Authorization" not in call.attempt.request.headers


async def test_static_headers_win():
    """A router's header wins over the client's and a processor's, masked or not (key translation)."""
    config = built([router("/service/", "http://t", headers={"api-key": ["provider"], "X-S": ["ours", "two"]})])
    request = FakeRequest(lines=[(b"Api-Key", b"caller"), (b"X-S", b"theirs")])
    for written in ({}, {"outbound_headers": {"X-S": ["processor"], "Api-Key": [MASK]}}):
        call = await prepared(config, request, **written)
        assert call.attempt.request.headers == {"Api-Key": ["provider"], "X-S": ["ours", "two"]}
        assert call.attempt.shown_headers["Api-Key"] == [MASK]


async def test_headers_of_the_connection_stay_behind():
    """Hop-by-hop headers, those that Connection names, Host and Expect are not forwarded."""
    lines = [
        (b"Connection", b"keep-alive, X-Mine"),
        (b"X-Mine", b"1"),
        (b"Keep-Alive", b"timeout=5"),
        (b"Te", b"trailers"),
        (b"Trailer", b"X"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Upgrade", b"h2c"),
        (b"Proxy-Authorization", b"Basic x"),
        (b"Proxy-Connection", b"keep-alive"),
        (b"Host", b"gateway"),
        (b"Expect", b"100-continue"),
        (b"X-Stays", b"1"),
    ]
    call = await prepared(request=FakeRequest(lines=lines))
    assert call.attempt.request.headers == {"X-Stays": ["1"]}


async def test_removed_headers():
    """Headers of `remove_headers` are left out and noted, the router's own among them."""
    config = built([router("/service/", "http://t", headers={"X-Gone": ["1"]})], remove_headers=["x-gone", "X-Also"])
    call = await prepared(config, FakeRequest(lines=[(b"X-Also", b"1"), (b"X-Stays", b"1")]))
    assert call.attempt.request.headers == {"X-Stays": ["1"]}
    assert call.request_section.fields["outbound_headers_removed"] == {"X-Gone": [], "X-Also": []}


async def test_headers_that_a_router_removes():
    """They are not forwarded to its target, masked or not, and noted; what the router itself sets goes out."""
    config = built(
        [
            router("/service/", "http://t", headers={"X-Set": ["ours"]}, remove_headers=["x-gone", "api-key", "X-Set"]),
            router("/other/", "http://t"),
        ],
        remove_headers=["X-Also"],
    )
    lines = [(b"X-Gone", b"1"), (b"X-Stays", b"1"), (b"Api-Key", b"k"), (b"X-Set", b"theirs"), (b"X-Also", b"1")]
    call = await prepared(config, FakeRequest(lines=lines))
    assert call.attempt.request.headers == {"X-Stays": ["1"], "X-Set": ["ours"]}
    assert call.attempt.shown_headers == call.attempt.request.headers
    fields = call.request_section.fields
    assert fields["outbound_headers_removed"] == {"Api-Key": [], "X-Also": [], "X-Gone": []}
    assert "outbound_headers_discarded" not in fields


async def test_headers_that_the_target_router_removes():
    """If a processor chose another router, that one decides; what a processor adds is removed as well."""
    config = built([router("/service/", "http://t"), router("/other/", "http://o", remove_headers=["X-Gone", "X-New"])])
    written = {"X-Gone": ["1"], "X-New": ["2"], "X-Stays": ["3"]}
    request = FakeRequest(lines=[(b"X-Gone", b"1")])
    call = await prepared(config, request, gl_path="/other/", outbound_headers=written)
    assert call.attempt.request.headers == {"X-Stays": ["3"]}
    assert call.request_section.fields["outbound_headers_removed"] == {"X-Gone": [], "X-New": []}


async def test_encoded_body_that_nobody_changed():
    """A body with a content encoding is forwarded as received, with its header."""
    body = gzip.compress(b'{"a":1}')
    call = await prepared(request=FakeRequest(lines=[(b"Content-Encoding", b"gzip")], body=body))
    assert call.attempt.request.body == body
    assert call.attempt.request.headers["Content-Encoding"] == ["gzip"]


@pytest.mark.parametrize("with_headers", [False, True])
async def test_body_of_a_processor_is_not_encoded(with_headers):
    """What a processor wrote in place of an encoded body goes out without the encoding, and the header says so."""
    request = FakeRequest(lines=[(b"Content-Encoding", b"gzip")], body=gzip.compress(b'{"a":1}'))
    written = {"outbound_headers": {"Content-Encoding": ["gzip"]}} if with_headers else {}
    call = await prepared(request=request, outbound_payload={"b": 2}, **written)
    assert json.loads(call.attempt.request.body) == {"b": 2}
    assert "Content-Encoding" not in call.attempt.request.headers


async def test_body_that_a_processor_wrote_as_bytes_goes_as_it_stands():
    """The JSON of a processor's response is not written again."""
    call = call_of(request=FakeRequest(body=b"{}"))
    await arrived(call, deps())
    call.request_section.write({"outbound_payload": Raw(b'{"a" : 1.10,  "b":1e400}')})
    await begun(call)
    assert call.attempt.request.body == b'{"a" : 1.10,  "b":1e400}'


KEYS = built(
    [router("/service/", "http://t?key=router&v=1", endpoint="e?Key=other")],
    masked_query_parameters=["key", "my token"],
)


async def test_masked_query_parameters():
    """Values of masked parameters go out as they are, and are masked in all that is recorded."""
    call = await prepared(KEYS, FakeRequest(query="%6bey=caller&my+token=a&q=1&my%20token=b"))
    assert call.attempt.request.query == "my+token=a&q=1&my%20token=b&key=router&v=1&Key=other"
    assert call.attempt.url == f"http://t/e?my+token={MASK}&q=1&my%20token={MASK}&key={MASK}&v=1&Key=other"
    fields = call.request_section.fields
    assert fields["ingress_query_parameters"] == [
        {"name": "key", "details": [MASK]},
        {"name": "my token", "details": [MASK]},
        {"name": "q", "details": ["1"]},
    ]
    assert fields["outbound_query_parameters"] == {
        "my token": [MASK],
        "q": ["1"],
        "key": [MASK],
        "v": ["1"],
        "Key": ["other"],
    }
    assert fields["outbound_query_parameters_overwritten"] == {"key": [MASK]}


@pytest.mark.parametrize(
    "written",
    [
        [{"name": "my token", "details": [MASK]}, {"name": "q", "details": ["2"]}],
        [{"name": "my token", "details": ["forged"]}, {"name": "q", "details": ["2"]}],
        [{"name": "q", "details": ["2"]}],
    ],
)
async def test_masked_query_parameters_keep_their_values(written):
    """A processor neither sees nor changes a masked parameter."""
    call = await prepared(KEYS, FakeRequest(query="my+token=a&q=1"), outbound_query_parameters=written)
    assert call.attempt.request.query == "my+token=a&q=2&key=router&v=1&Key=other"
    assert "outbound_query_parameters_discarded" not in call.request_section.fields


async def test_masked_query_parameter_cannot_be_brought_in():
    """A processor cannot add one either, and a wrong form leaves the masked ones as they came."""
    written = [{"name": "my token", "details": ["forged"]}]
    call = await prepared(KEYS, FakeRequest(query="q=1"), outbound_query_parameters=written)
    assert "token" not in call.attempt.request.query
    call = await prepared(KEYS, FakeRequest(query="my+token=a&q=1"), outbound_query_parameters=3)
    assert call.attempt.request.query == "my+token=a&key=router&v=1&Key=other"


@pytest.mark.parametrize("depth", [100, 900, 1000, 1100, 5000])
@pytest.mark.parametrize(
    "name", ["gl_path", "outbound_subpath", "outbound_headers", "outbound_query_parameters", "outbound_payload"]
)
async def test_nested_deeply(name, depth):
    """A field that is nested as deeply as JSON may be is of a wrong form, not a fault."""
    call = call_of(request=FakeRequest(body=b"{}"))
    await arrived(call, deps())
    call.request_section.write({name: Raw(b"[" * depth + b"]" * depth)})
    await begun(call)
    assert call.attempt.request.router.path == "/service/"


async def test_header_that_cannot_be_written():
    """A lone surrogate stands for no byte: the headers are of a wrong form; one that does goes out as its byte."""
    call = await prepared(outbound_headers={"X-A": ["\ud800"]})
    assert [error["name"] for error in call.request_section.errors] == ["outbound_headers"]
    call = await prepared(outbound_headers={"X-A": ["\udce9"]})
    assert call.attempt.request.headers == {"X-A": ["\udce9"]}


# ------------------------------------------------------------------ the question for usage


ASKING = [router("/service/", "http://target/v1", add_stream_usage=True)]


async def asked(path, body, **lines):
    """What goes out of a request to a router that asks for usage."""
    headers_ = [(name.replace("_", "-").encode(), value) for name, value in lines.items()]
    call = call_of(built(ASKING), FakeRequest(path=f"/service/{path}", body=body, lines=headers_))
    await arrived(call, deps())
    await begun(call)
    assert call.sent
    return call


@pytest.mark.parametrize("size", [0, 2_000_000], ids=["small", "large"])
async def test_usage_is_asked_for(size):
    """A stream of chat completions is asked for its usage, unencoded; the record shows what went out."""
    body = b'{"messages":["' + b"x" * size + b'"],"stream":true}'
    call = await asked("chat/completions", body, Accept_Encoding=b"gzip")
    sent = call.attempt.request
    assert sent.body == body[:-1] + b',"stream_options":{"include_usage":true}}'
    assert call.request_section.fields["outbound_payload"] == sent.body
    assert "Accept-Encoding" not in sent.headers
    assert "Accept-Encoding" not in call.attempt.shown_headers
    assert call.attempt.transform is not None


@pytest.mark.parametrize("size", [0, 2_000_000], ids=["small", "large"])
@pytest.mark.parametrize(("off", "strict"), [(b'"\xff"', '"\ufffd"'), (b"NaN", "null")])
async def test_record_of_a_question_is_strict_json(off, strict, size):
    """A request that is a little off goes out as it came except the question; its record can be read by everybody."""
    body = b'{"messages":["' + b"x" * size + b'"],"stream":true,"a":' + off + b"}"
    call = await asked("chat/completions", body)
    sent, shown = call.attempt.request.body, call.request_section.fields["outbound_payload"]
    assert sent == body[:-1] + b',"stream_options":{"include_usage":true}}'
    assert shown == sent.replace(off, strict.encode())


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ("messages", {"Anthropic_Version": b"2023-06-01"}),
        ("chat/completions", {"Anthropic_Version": b"2023-06-01"}),
        ("api/chat", {}),
        ("responses", {}),
        ("models/gemini:streamGenerateContent", {}),
    ],
)
@pytest.mark.parametrize("size", [0, 2_000_000], ids=["small", "large"])
async def test_other_apis_are_not_asked(path, lines, size):
    """Whatever is for another API goes out as it came, with its headers."""
    body = b'{"messages":["' + b"x" * size + b'"],"stream":true}'
    call = await asked(path, body, Accept_Encoding=b"gzip", **lines)
    assert call.attempt.request.body is call.body
    assert call.attempt.request.headers["Accept-Encoding"] == ["gzip"]
    assert call.attempt.transform is None
