"""gui_config.json: the original's file as it is, and what is refused."""

import json
from pathlib import Path

import pytest

from gecholog import config
from gecholog.errors import ConfigError
from services.gui.config import build, config_spec, resolved

ENVIRON = {"GUI_SECRET": "geheim123", "NATS_TOKEN": "token", "GECHOLOG_HOME": "/app"}


def application(name, *arguments):
    return {
        "name": name,
        "production_file": f"app/conf/{name}_config.json",
        "production_checksum_file": f"app/checksum/.{name}_config.sha256",
        "template_file": f"app/default-conf/{name}_config.json",
        "validation_executable": f"./{name}",
        "config_command": "-o",
        "validate_command": "--validate",
        "additional_arguments": list(arguments),
    }


ORIGINAL = {
    "version": "1.0.1",
    "log_level": "INFO",
    "secret": "${GUI_SECRET}",
    "failed_authentication_limit": 5,
    "tls": {"ingress": {"enabled": False, "certificate_file": "", "private_key_file": ""}},
    "gui_port": 8080,
    "working_directory": "app/working/",
    "archive_directory": "app/archive/",
    "service_bus": {
        "hostname": "localhost:4222",
        "topic_exact_logger": "coburn.gl.logger",
        "token": "${NATS_TOKEN}",
    },
    "gl": application("gl"),
    "nats2log": application("nats2log"),
    "nats2file": application("nats2file", "-a", "nats2file"),
    "tokencounter": "nonsense",
}


def checked(value):
    return config.check(json.dumps(value).encode(), "gui_config.json", config_spec(), ENVIRON)


def refused(value):
    with pytest.raises(ConfigError) as caught:
        checked(value)
    return {problem.path for problem in caught.value.problems}


def test_the_originals_file_is_taken_unchanged(monkeypatch, tmp_path):
    monkeypatch.setenv("GECHOLOG_HOME", str(tmp_path))
    parsed = checked(ORIGINAL)
    assert not parsed.warnings
    made = build(parsed)
    assert (made.port, made.host, made.attempts_limit, made.lifetime.idle_s) == (8080, "", 5, 600)
    assert made.secret == "geheim123"
    assert "geheim123" not in repr(made)
    assert made.applications["gl"].production_file == tmp_path / "conf" / "gl_config.json"
    assert made.applications["nats2file"].additional_arguments == ("-a", "nats2file")


@pytest.mark.parametrize("name", ["tokencounter", "tls", "failed_authentication_limit"])
def test_what_may_be_absent(name):
    assert checked({field: value for field, value in ORIGINAL.items() if field != name})


def test_all_that_is_missing_is_named():
    needed = "version log_level secret gui_port working_directory archive_directory service_bus gl nats2log nats2file"
    assert refused({}) == set(needed.split())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("secret", "short"),
        ("secret", "motörhead"),
        ("log_level", "info"),
        ("gui_port", 0),
        ("gui_port", "8080"),
        ("failed_authentication_limit", -1),
        ("service_bus.hostname", "nats://localhost:4222"),
        ("service_bus.hostname", "localhost"),
        ("service_bus.topic_exact_logger", "a.>"),
        ("service_bus.token", ""),
        ("gl.name", "g"),
        ("gl.config_command", ""),
        ("tls.ingress.certificate_file", ""),
        ("trusted_proxies[0]", "everybody"),
    ],
)
def test_a_wrong_field_is_named(path, value):
    wrong = json.loads(json.dumps(ORIGINAL)) | {"trusted_proxies": ["10.0.0.0/8"]}
    if path.startswith("tls"):
        wrong["tls"]["ingress"] |= {"enabled": True, "private_key_file": "key.pem"}
    section, names = wrong, path.replace("[0]", ".0").split(".")
    for name in names[:-1]:
        section = section[name]
    section[int(names[-1]) if names[-1].isdigit() else names[-1]] = value
    assert refused(wrong) == {path}


def test_paths_of_the_original_are_found_in_the_home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "home"
    assert resolved("app/conf/x.json", home) == home / "conf" / "x.json"
    assert resolved("/etc/x.json", home) == Path("/etc/x.json")
    (tmp_path / "app" / "conf").mkdir(parents=True)
    (tmp_path / "app" / "conf" / "x.json").touch()
    assert resolved("app/conf/x.json", home) == tmp_path / "app" / "conf" / "x.json"
