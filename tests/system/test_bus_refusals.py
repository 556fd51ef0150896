"""A bus that cannot be used: every program says why at its first attempt and ends, and names no secret.

The programs run as processes, the bus is a real nats-server.
"""

import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass

import pytest

from gecholog.bus_address import BusAddress
from gecholog.errors import BusRefused
from services.ginit.terminal import calls
from services.ginit.terminal.gateway_summary import GatewaySummary
from tests.services.gl.rig.gateway import config_of, router
from tests.support.nats_server import TOKEN, NatsServer
from tests.support.ports import free_port
from tests.support.process import ROOT, ServiceProcess, command_of, environment_of
from tests.support.waiting import DEADLINE

WRONG = "WrongPassword"
TRIED = ROOT / "tests" / "gecholog" / "tried_processor.py"
LOGGER = "coburn.gl.logger"


@dataclass(frozen=True)
class Fault:
    """A bus that cannot be used.

    `settings` are those of the server, `section` what the programs have in `service_bus`, `environ` what a program has
    that is written with the SDK. `said` are the texts that the reason has.
    """

    settings: dict
    section: dict
    environ: dict
    said: tuple[str, ...]
    host: str = "127.0.0.1"


def faults(files):
    """All faults by name, with the certificates of `files`."""
    tls = {"cert_file": str(files.certificate), "key_file": str(files.private_key)}
    known = {"token": TOKEN, "tls": {"cert_files": [str(files.authority)]}}
    own = {"certificate_file": str(files.certificate), "private_key_file": str(files.private_key)}
    environ = {"NATS_TOKEN": TOKEN, "NATS_CA": str(files.authority)}
    no_certificate = ("does not accept the client certificate",)
    return {
        "authority": Fault(
            {"tls": tls},
            known | {"tls": {"cert_files": [str(files.stranger)]}},
            environ | {"NATS_CA": str(files.stranger)},
            ("is not trusted", "service_bus.tls"),
        ),
        "server name": Fault(
            {"tls": tls, "host": "0.0.0.0"},  # noqa: S104 - so that it has an address that its certificate lacks
            known,
            environ,
            ("is not trusted", "mismatch"),
            host="127.0.0.2",
        ),
        "client certificate": Fault(
            {"tls": tls | {"ca_file": str(files.stranger), "verify": True}},
            known | {"tls": known["tls"] | own},
            environ | {"NATS_CERT": str(files.certificate), "NATS_KEY": str(files.private_key)},
            no_certificate,
        ),
        "no client certificate": Fault(
            {"tls": tls | {"ca_file": str(files.authority), "verify": True}}, known, environ, no_certificate
        ),
        "password": Fault(
            {"tls": tls, "authorization": {"users": [{"user": "appliance", "password": TOKEN}]}},
            known | {"user": "appliance", "password": WRONG},
            environ | {"NATS_USER": "appliance", "NATS_PASSWORD": WRONG},
            ("refuses user appliance", "or its password"),
        ),
        "token": Fault({"tls": tls}, known | {"token": WRONG}, environ | {"NATS_TOKEN": WRONG}, ("refuses the token",)),
        "no TLS": Fault({}, known, environ, ("does not offer TLS",)),
    }


FAULTS = ("authority", "server name", "client certificate", "no client certificate", "password", "token", "no TLS")


@pytest.fixture(params=FAULTS)
def fault(request, tls_files):
    return faults(tls_files)[request.param]


@pytest.fixture
def server(fault, tmp_path):
    settings = fault.settings | {"http": f"127.0.0.1:{free_port()}"}
    started = NatsServer(tmp_path / "nats", jetstream=True, settings=settings, token=TOKEN)
    started.start()
    yield started
    started.kill()


def configs(section):
    """The services and their configs."""
    base = {"version": "1.0.1", "log_level": "INFO"}
    sink = {"topic": "coburn.gl.nats2file", "topic_exact_logger": LOGGER}
    gateway = config_of("localhost:4222", [router("/a/", "http://127.0.0.1:9")])
    topics = {name: value for name, value in gateway["service_bus"].items() if name.startswith("topic")}
    usage = [{"router": "default", "patterns": [{"field": "total_tokens", "pattern": "inbound_payload.usage"}]}]
    counter = {"cap_period_seconds": 60, "token_caps": [], "usage_fields": usage}
    return {
        "services.gl": gateway | {"service_bus": section | topics},
        "services.nats2log": base
        | {"mode": "file_writer", "tls": {}, "file_writer": {"filename": "records", "write_mode": "append"}}
        | {"service_bus": section | sink},
        "processors.tokencounter": base | counter | {"service_bus": section | {"topic": "coburn.gl.tokencounter"}},
        "processors.broker": base
        | {"groups": [{"router": "/a/", "targets": [{"router": "/b/"}]}]}
        | {"service_bus": section | {"topic": "coburn.gl.broker"}},
    }


@pytest.mark.slow
def test_services_and_processors(server, fault, tmp_path):
    """gl, a sink, the processors and a program of the SDK end with 1 after one attempt, with the reason in the log."""
    hostname = f"{fault.host}:{server.port}"
    before = server.connection_total()
    processes = []
    try:
        for module, values in configs(fault.section | {"hostname": hostname}).items():
            file = tmp_path / f"{module}.json"
            file.write_text(json.dumps(values), "utf-8")
            home = tmp_path / module
            command = command_of(module, file, module)
            processes.append(ServiceProcess(command, alias=module, home=home, env=environment_of(home, {})))
        environ = environment_of(tmp_path / "sdk", fault.environ | {"GECHOLOG_HOST": hostname})
        command = [sys.executable, str(TRIED)]
        processes.append(ServiceProcess(command, alias="sdk", home=tmp_path / "sdk", env=environ))
        for process in processes:
            assert process.wait() == 1, process.output
            assert_said(fault, process.output)
            assert "cannot go on" in process.messages()
    finally:
        for process in processes:
            process.close()
    assert server.connection_total() - before <= len(processes)


def test_health_check_of_a_processor(server, fault, tmp_path):
    """`--healthcheck` of a program that is written with the SDK ends with 1 and the reason."""
    hostname = f"{fault.host}:{server.port}"
    environ = environment_of(tmp_path, fault.environ | {"GECHOLOG_HOST": hostname})
    before = server.connection_total()
    command = [sys.executable, str(TRIED), "--healthcheck"]
    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert_said(fault, done.stderr)
    assert server.connection_total() - before <= 1


async def test_the_terminal(server, fault):
    """The calls of `make up` on a terminal: the summary is shown, then why there will be no calls."""
    section = fault.section | {"hostname": f"{fault.host}:{server.port}"}
    before = await asyncio.to_thread(server.connection_total)
    shown = []
    with pytest.raises(BusRefused) as caught:
        async with asyncio.timeout(DEADLINE):
            await calls.follow(
                GatewaySummary(BusAddress.of_section(section), LOGGER, ()), shown.append, lambda: shown.append("ready")
            )
    assert shown == ["ready"]
    assert_said(fault, str(caught.value))
    assert await asyncio.to_thread(server.connection_total) - before <= 1


def assert_said(fault, text):
    for expected in fault.said:
        assert expected in text
    for secret in (TOKEN, WRONG):
        assert secret not in text
