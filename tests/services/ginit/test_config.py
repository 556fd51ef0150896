"""ginit's config file: what it may hold, and which files it means."""

import json

import pytest

from gecholog import config
from gecholog.errors import ConfigError
from services.ginit.config import build, config_spec, find_program


def service(name, folder, **fields):
    for file in (f"{name}.bin", f"{name}.conf"):
        (folder / file).touch()
    return {
        "name": name,
        "file": str(folder / f"{name}.bin"),
        "config_command": "-o",
        "configuration_file": str(folder / f"{name}.conf"),
        "validate_command": "--validate",
        "healthy_output": "ready",
    } | fields


def checked(*services, **fields):
    value = {"version": "1.0.1", "log_level": "INFO", "services": list(services)} | fields
    return config.check(json.dumps(value).encode(), "ginit_config.json", config_spec(), {})


def test_defaults(tmp_path):
    """What may be left out: no limit of starts, no arguments, watched, no die promise."""
    made = build(checked(service("one", tmp_path)))
    assert made.max_starts == 0
    only = made.services[0]
    assert (only.additional_arguments, only.watched, only.die_promise) == ((), True, False)
    assert only.program == tmp_path / "one.bin"


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"name": "x"}, "name"),
        ({"name": "ginit"}, "name"),
        ({"name": "bell\n"}, "name"),
        ({"file": "/no/such/file"}, "file"),
        ({"configuration_file": "/no/such/file"}, "configuration_file"),
        ({"config_command": ""}, "config_command"),
        ({"additional_arguments": ["ü"]}, "additional_arguments"),
        ({"additional_arguments": [""]}, "additional_arguments"),
        ({"validate_command": None}, "validate_command"),
        ({"healthy_output": ""}, "healthy_output"),
    ],
)
def test_bad_service_is_rejected_alone(tmp_path, fields, place):
    """The others stay, and the warning names the field."""
    parsed = checked(service("one", tmp_path), service("two", tmp_path) | fields)
    assert [entry.name for entry in build(parsed).services] == ["one"]
    assert place in parsed.warnings[0].path


@pytest.mark.parametrize("change", [{"file": "/no/such/file"}, {"healthy_output": ""}, {"name": "x"}])
def test_bad_service_with_a_die_promise_refuses_the_file(tmp_path, change):
    """The appliance must not run without it; the error names the field, and why the service is not left out."""
    with pytest.raises(ConfigError) as caught:
        checked(service("one", tmp_path), service("two", tmp_path, die_promise=True) | change)
    problems = {problem.path: problem.rule for problem in caught.value.problems}
    assert problems.pop("services[1].die_promise") == "is set, so this entry cannot be left out"
    assert list(problems) == [f"services[1].{next(iter(change))}"]


def test_die_promise_of_another_service_refuses_nothing(tmp_path):
    """The bad one is left out, as it has none."""
    document = checked(service("one", tmp_path, die_promise=True), service("two", tmp_path, healthy_output=""))
    assert [entry.name for entry in build(document).services] == ["one"]


@pytest.mark.parametrize("field", ["name", "configuration_file"])
def test_what_must_be_used_once(tmp_path, field):
    """Two services with one name or one config file are an error of the whole file."""
    one, two = service("one", tmp_path), service("two", tmp_path)
    with pytest.raises(ConfigError, match=f"two services must not have the same {field}"):
        checked(one, two | {field: one[field]})


def test_rejected_services_do_not_count_as_a_second_use(tmp_path):
    """A service that is left out anyway cannot be in another's way."""
    one, two = service("one", tmp_path), service("two", tmp_path)
    parsed = checked(one, two | {"name": "one", "healthy_output": ""})
    assert len(build(parsed).services) == 1


def test_wrong_types_refuse_the_file(tmp_path):
    """A name that is a number is no mistake in one service only."""
    with pytest.raises(ConfigError, match="must be a string"):
        checked(service("one", tmp_path), service("two", tmp_path) | {"name": 2})


def test_programs_are_looked_up(tmp_path, monkeypatch):
    """In the working directory, then beside the package; nats-server beside Python too, unless NATS_SERVER names it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NATS_SERVER", raising=False)
    assert find_program("./gl").parts[-3:] == ("services", "bin", "gl")
    assert find_program("./nats-server").name == "nats-server"
    assert find_program("./no-such-program") is None
    (tmp_path / "gl").touch()
    assert find_program("./gl") == tmp_path / "gl"
    monkeypatch.setenv("NATS_SERVER", str(tmp_path / "gl"))
    assert find_program("./nats-server") == tmp_path / "gl"
    monkeypatch.setenv("NATS_SERVER", str(tmp_path / "nothing"))
    assert find_program("./nats-server") is None


@pytest.mark.parametrize(
    ("fields", "alias"),
    [
        ({"name": "nats2file", "file": "./nats2log", "additional_arguments": ["-a", "nats2file"]}, "nats2file"),
        ({"name": "nats2file", "file": "./nats2log", "additional_arguments": ["-x", "-a=other"]}, "other"),
        ({"name": "my-gateway", "file": "./gl"}, "gl"),
        ({"name": "my-processor", "file": "one.bin"}, "my-processor"),
        ({"name": "bus", "file": "./nats-server"}, "bus"),
        ({"name": "one", "file": "one.bin", "additional_arguments": ["-a"]}, "one"),
    ],
)
def test_alias(tmp_path, monkeypatch, fields, alias):
    """The name of the checksum file: `-a`, else that of a program of ours, else the service's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NATS_SERVER", raising=False)
    assert build(checked(service("one", tmp_path) | fields)).services[0].alias == alias


def test_slugs_are_safe_and_differ(tmp_path):
    """Names with blanks, slashes or signs become names of files that supervisord can read."""
    names = ["plain-1.x_y", "a b", "a/b", "a=20b", "..", "50%", "a;b"]
    slugs = []
    for name in names:
        made = build(checked(service("one", tmp_path) | {"name": name}))
        slugs.append(made.services[0].slug)
    assert slugs[0] == names[0]
    assert len(set(slugs)) == len(names)
    assert not set("".join(slugs)) & set(" /%;:")
    assert not any(slug.startswith(".") for slug in slugs)
