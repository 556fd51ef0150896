"""Config files of the Go original: one field is edited and deployed, and that is all that changes in the file."""

import difflib
import hashlib
import json

import pytest

from tests.services.gui.test_config import ORIGINAL as GUI

_BUS = {
    "hostname": "localhost:4222",
    "topic": "coburn.gl.gecholog",
    "topic_exact_isalive": "coburn.gl.isalive",
    "topic_exact_logger": "coburn.gl.logger",
    "token": "${NATS_TOKEN}",
}
_TLS = {"ingress": {"enabled": False, "certificate_file": "", "private_key_file": ""}}
GL = {
    "version": "1.0.1",
    "log_level": "INFO",
    "gateway_id": "GECHO001",
    "tls": _TLS | {"outbound": {"insecure": False, "system_cert_pool": True, "cert_files": None}},
    "service_bus": _BUS,
    "gl_port": 5380,
    "session_id_header": "Session-Id",
    "masked_headers": ["Authorization", "Api-Key"],
    "remove_headers": ["Content-Length"],
    "log_unauthorized": False,
    "request": {"processors": None},
    "response": {"processors": None},
    "logger": {"request": {"fields_include": None, "fields_exclude": None}, "response": {}},
    "routers": [
        {
            "path": "/echo/",
            "ingress": {"headers": None},
            "outbound": {"url": "https://localhost/", "endpoint": "?a=1&b=<2>", "headers": {"Api-Key": ["a-key"]}},
        },
    ],
    "of_another_version": {"kept": [1, 2.50, None]},
}
SINK = {
    "version": "1.0.1",
    "log_level": "INFO",
    "mode": "file_writer",
    "retries": 5,
    "retry_delay_milliseconds": 200,
    "tls": {"outbound": {"insecure": False, "system_cert_pool": True, "cert_files": None}},
    "service_bus": {
        "hostname": "localhost:4222",
        "topic": "coburn.gl.nats2file",
        "topic_exact_logger": "coburn.gl.logger",
        "token": "${NATS_TOKEN}",
    },
    "file_writer": {"filename": "${GECHOLOG_HOME}/log/gecholog.jsonl", "write_mode": "append"},
    "elastic_writer": {"url": "", "port": 0, "index": "", "username": "", "password": ""},
    "rest_api_writer": {"url": "", "port": 0, "endpoint": "", "headers": None},
}


def written(value):
    """As Go's encoding/json writes it: three spaces, and some characters as escapes."""
    text = json.dumps(value, indent=3) + "\n"
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text.encode()


def changes(old, new):
    """The lines that are not in both."""
    found = difflib.unified_diff(old.decode().splitlines(), new.decode().splitlines(), n=0, lineterm="")
    return [line for line in found if line[:1] in "+-" and line[:3] not in {"+++", "---"}]


@pytest.mark.parametrize(
    ("name", "value", "page", "field", "text", "lines"),
    [
        (
            "gl",
            GL,
            "/config/gl/form?at=/routers/0",
            "f:/routers/0/outbound/endpoint",
            "?a=2",
            ['-            "endpoint": "?a=1\\u0026b=\\u003c2\\u003e",', '+            "endpoint": "?a=2",'],
        ),
        ("nats2file", SINK, "/config/nats2file/form", "f:/retries", "7", ['-   "retries": 5,', '+   "retries": 7,']),
        ("gui", GUI, "/config/gui/form", "f:/gui_port", "8081", ['-   "gui_port": 8080,', '+   "gui_port": 8081,']),
    ],
)
def test_only_what_was_edited_changes(conf, editor, save, name, value, page, field, text, lines):
    file = conf / f"{name}_config.json"
    file.write_bytes(before := written(value))
    assert save(editor, page, **{field: text}).status == 302
    deploy = editor.get(f"/config/{name}/deploy")
    expected = deploy.text.split('name="expected" value="')[1][:64]
    now = hashlib.sha256(before).hexdigest()
    reply = editor.post(f"/config/{name}/deploy", token=deploy.csrf_token, expected=expected, expected_deployed=now)
    assert reply.status == 302, reply.text
    assert changes(before, file.read_bytes()) == lines
