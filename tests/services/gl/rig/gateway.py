"""gl as a process, with a config of the test's own."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.services.gl.rig.http_client import HttpClient, Reply
from tests.support.nats_server import NatsServer
from tests.support.ports import free_port
from tests.support.process import ServiceProcess, command_of, environment_of
from tests.support.waiting import until

READY = "http(s) server initialized"
Values = dict[str, Any]

# GL_WORKERS=2 runs any test of gl with two workers; what relies on one process, such as an exact limit, may fail then.
_WORKERS = {"workers": int(os.environ["GL_WORKERS"])} if "GL_WORKERS" in os.environ else {}
WORKERS = _WORKERS.get("workers", 1)


def router(path: str, url: str, *, required: Values | None = None, **outbound: Any) -> Values:
    """A router's part of a config."""
    return {"path": path, "ingress": {"headers": required or {}}, "outbound": {"url": url, **outbound}}


def processor(name: str, **more: Any) -> Values:
    """A processor's part of a config, on the subject `processor.NAME`."""
    return {"name": name, "service_bus_topic": f"processor.{name}", "timeout": 5000} | more


def config_of(bus: str, routers: list[Values], **more: Any) -> Values:
    """A whole config on a free port."""
    base = {
        "version": "1.0.1",
        "log_level": "DEBUG",
        "gateway_id": "TST00001",
        "tls": {
            "ingress": {"enabled": False, "certificate_file": "", "private_key_file": ""},
            "outbound": {"insecure": False, "system_cert_pool": False, "cert_files": []},
        },
        "service_bus": {
            "hostname": bus,
            "topic": "coburn.gl.gecholog",
            "topic_exact_isalive": "coburn.gl.isalive",
            "topic_exact_logger": "coburn.gl.logger",
            "token": "${NATS_TOKEN}",
        },
        "gl_host": "127.0.0.1",
        "gl_port": free_port(),
        "session_id_header": "Session-Id",
        "masked_headers": ["Authorization", "Api-Key", "X-Api-Key", "Set-Cookie"],
        "remove_headers": [],
        "log_unauthorized": False,
        "routers": routers,
    }
    return base | _WORKERS | more


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * 4096


class Gateway:
    """A running gl. `values` is the config that it was given last."""

    def __init__(
        self,
        folder: Path,
        bus: NatsServer,
        values: Values,
        env: Mapping[str, str] | None = None,
        run_by: Sequence[str] = (),
    ) -> None:
        """`run_by` are the words of a command that runs it."""
        folder.mkdir(parents=True, exist_ok=True)
        self.values = values
        self.file = folder / "gl_config.json"
        self.write(values)
        self.process = ServiceProcess(
            [*run_by, *command_of("services.gl", self.file, "gl")],
            alias="gl",
            home=folder / "app",
            env=environment_of(folder / "app", {"NATS_TOKEN": bus.token} | dict(env or {})),
        )

    @property
    def port(self) -> int:
        return int(self.values["gl_port"])

    def ready(self) -> "Gateway":
        self.process.wait_for_log(READY)
        return self

    def client(self, **options: Any) -> HttpClient:
        return HttpClient(self.port, **options)

    def call(self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Reply:
        """One call on a connection of its own."""
        with self.client() as client:
            return client.ask(method, target, headers, body).reply(to_head=method == "HEAD")

    def write(self, values: Values) -> None:
        self.file.write_text(json.dumps(values), "utf-8")

    def reload(self, values: Values, *, taken: bool = True) -> None:
        """Put another config in its file, and wait until it is in force, or until gl says that it is not."""
        message = "config in force" if taken else "config not taken"
        before = self.process.messages().count(message)
        self.write(values)
        self.process.hang_up()
        until(lambda: self.process.messages().count(message) > before or not self.process.is_running, message)
        assert self.process.is_running, self.process.output
        if taken:
            self.values = values

    def close(self) -> None:
        self.process.close()
