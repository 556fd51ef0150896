"""The address of the gateway, as a config file says."""

import json

import pytest

from services.gui import gateway


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104 - not listened on
        ("0", "127.0.0.1"),
        ("::", "::1"),
        ("127.0.0.2", "127.0.0.2"),
        ("localhost", "127.0.0.1"),
        ("192.0.2.1", "127.0.0.1"),  # of no machine
        ("2001:db8::1", "127.0.0.1"),
        ("evil.invalid", "127.0.0.1"),
        ("x\0y", "127.0.0.1"),
        ("x" * 300, "127.0.0.1"),
        (7, "127.0.0.1"),
    ],
)
def test_only_addresses_of_this_machine_count(tmp_path, host, expected):
    file = tmp_path / "gl_config.json"
    file.write_text(json.dumps({"gl_host": host, "gl_port": 4711}))
    assert (gateway.of_config(file, {}).host, gateway.of_config(file, {}).port) == (expected, 4711)


def test_another_file_is_read_again(tmp_path, monkeypatch):
    file, environ = tmp_path / "gl_config.json", {}
    assert gateway.of_config(file, environ).port == 5380
    file.write_text('{"gl_port": 1}')
    assert gateway.of_config(file, environ).port == 1
    fresh = tmp_path / "fresh"
    fresh.write_text('{"gl_port": 2}')
    fresh.replace(file)
    assert gateway.of_config(file, environ).port == 2
    monkeypatch.setattr(gateway.config, "read", None)
    assert gateway.of_config(file, environ).port == 2  # without reading it
