"""The management API, called as its OpenAPI document says and as it does not: no request makes the server fail.

`make soak` makes more requests.
"""

import asyncio
import json
import os

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import content_type_conformance, not_a_server_error, response_schema_conformance
from schemathesis.specs.openapi.checks import status_code_conformance

from gecholog.ledger.database import open_writer
from gecholog.ledger.location import locate
from services.gui.api.document import openapi
from services.gui.api.operations import OPERATIONS
from services.gui.service import READY
from tests.support.gui import CONF, SECRET, Browser, gui_config, new_token
from tests.support.nats_server import NatsServer
from tests.support.ports import free_port
from tests.support.process import ServiceProcess, command_of, environment_of

_CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
_DOCUMENT = schemathesis.openapi.from_dict(
    {
        **openapi(OPERATIONS),
        "paths": {path: one for path, one in openapi(OPERATIONS)["paths"].items() if path[:5] == "/api/"},
    }
)
_LISTED = [found.ok() for found in _DOCUMENT.get_all_operations()]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The interface with a bus and the shipped config files; its address, and the headers of an administrator."""
    folder = tmp_path_factory.mktemp("api")
    home, port = folder / "app", free_port()
    bus = NatsServer(folder / "nats", jetstream=True)
    bus.start()
    (home / "conf").mkdir(parents=True)
    asyncio.run(_empty_ledger(home))
    for name in ("gl_config.json", "nats2log_config.json"):
        (home / "conf" / name).write_bytes((CONF / name).read_bytes())
    gateway = json.loads((home / "conf" / "gl_config.json").read_text())
    gateway["service_bus"]["hostname"] = bus.hostname
    (home / "conf" / "gl_config.json").write_text(json.dumps(gateway, indent=2))
    file = folder / "gui_config.json"
    file.write_text(json.dumps(gui_config(port, bus.hostname)))
    env = environment_of(home, {"GUI_SECRET": SECRET, "NATS_TOKEN": bus.token})
    process = ServiceProcess(command_of("services.gui", file, "gui"), alias="gui", home=home, env=env)
    try:
        process.wait_for_log(READY)
        browser = Browser(port)
        browser.sign_in()
        yield f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {new_token(browser, 'admin')}"}
        assert "Traceback" not in process.output
        assert process.is_running
    finally:
        process.close()
        bus.kill()


async def _empty_ledger(home):
    ledger = open_writer(locate(f"sqlite://{home}/data/ledger.db"))
    await ledger.migrate()
    await ledger.close()


def try_out(operation, server, modes, examples):
    """Send requests of these modes, and check what comes back."""
    address, headers = server

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @given(st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes]))
    def send(case):
        response = case.call(base_url=address, headers=headers, timeout=60)
        case.validate_response(response, checks=_CHECKS)

    send()


def test_the_document_has_every_operation():
    assert {(one.method.upper(), one.path) for one in _LISTED} == {
        (one.method, f"/api{one.path}") for one in OPERATIONS
    }


@pytest.mark.parametrize("operation", _LISTED, ids=lambda one: f"{one.method} {one.path}")
def test_requests_as_the_document_says(operation, server):
    try_out(operation, server, [GenerationMode.POSITIVE], 1)


@pytest.mark.soak
@pytest.mark.parametrize("operation", _LISTED, ids=lambda one: f"{one.method} {one.path}")
def test_many_requests(operation, server):
    """Also such as the document does not allow."""
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
    try_out(operation, server, modes, int(os.environ.get("API_REQUESTS", "150")))
