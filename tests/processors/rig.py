"""A small stack for tests of processors: bus, upstream, gateway, and processors as processes. Everything is real."""

import json
import sys
import time
from contextlib import contextmanager

from tests.services.gl.rig.bus import Listener
from tests.services.gl.rig.gateway import Gateway, config_of, router
from tests.services.gl.rig.upstream import Upstream
from tests.support.process import ServiceProcess, environment_of
from tests.support.waiting import DEADLINE

TOPIC = "coburn.gl"


class Stack:
    """Routers `/service/` and `/other/` call `upstream`. `values` are added to the gateway's config.

    The example in the file `config` has precedence over them, except for bus, ports and targets.
    """

    def __init__(self, folder, server, config=None, **values):
        self._folder = folder
        self._processes = []
        self.server = server
        self.upstream = Upstream()
        self.listener = Listener(server)
        routers = [router(path, self.upstream.url) for path in ("/service/", "/other/")]
        routers += values.pop("routers", [])
        chosen = example(config, self.upstream) if config else {}
        self.gateway = Gateway(folder / "gl", server, config_of(server.hostname, routers, **values) | chosen)
        try:
            self.gateway.ready()
        except BaseException:
            self.close()
            raise

    @property
    def environment(self):
        """The environment of processors in this stack."""
        return {"GECHOLOG_HOST": self.server.hostname, "NATS_TOKEN": self.server.token}

    def run(self, *command, listens="listening for messages", cwd=None, **env):
        """Start a program. `listens` is the log message that shows that it is ready, or empty if there is none."""
        home = cwd or self._folder / f"home{len(self._processes)}"
        known = environment_of(home, self.environment | env)
        process = ServiceProcess([str(word) for word in command], alias="program", home=home, env=known)
        self._processes.append(process)
        if listens:
            process.wait_for_log(listens)
        return process

    def run_module(self, module, *arguments, **env):
        """Start one of our own processors."""
        return self.run(sys.executable, "-m", module, *arguments, **env)

    def answers(self, subject, message=b"{}"):
        """Wait until a processor replies on a subject, and return its reply."""
        end = time.monotonic() + DEADLINE
        while True:
            try:
                return self.request(subject, message)
            except Exception:  # noqa: BLE001 - any failure is reported in the end
                if time.monotonic() > end or not all(process.is_running for process in self._processes):
                    raise AssertionError(f"nobody answers on {subject}: {self.output}") from None
                time.sleep(0.05)

    def request(self, subject, message):
        """Return the bytes of a reply on the bus."""
        return self.listener._do(self.listener._client.request(subject, message, timeout=DEADLINE)).data

    @property
    def output(self):
        return "\n".join(process.output for process in self._processes)

    def post(self, path, payload=None, body=None):
        """Make one call, and return the reply."""
        data = json.dumps(payload).encode() if body is None else body
        return self.gateway.call("POST", path, {"Content-Type": "application/json"}, data)

    def record(self, reply):
        """Return the record of the call with this reply."""
        return self.listener.record(reply.transaction)

    def close(self):
        for process in self._processes:
            process.close()
        self.gateway.close()
        self.listener.stop()
        self.upstream.stop()


@contextmanager
def start_stack(folder, server, config=None, **values):
    """Run a stack within a block."""
    stack = Stack(folder, server, config, **values)
    try:
        yield stack
    finally:
        stack.close()


def entry(name, **more):
    """Return a processor's entry of a config, on the subject `coburn.gl.NAME`."""
    return {"name": name, "service_bus_topic": f"{TOPIC}.{name}", "timeout": 20_000} | more


def example(file, upstream):
    """Return an example `gl_config.json` without bus and port, and with this stack's upstream."""
    text = file.read_text("utf-8")
    text = text.replace("http://127.0.0.1:5390", upstream.url).replace("${AISERVICE_API_BASE}", upstream.url)
    values = json.loads(text)
    return {name: value for name, value in values.items() if name not in {"service_bus", "gl_port", "gateway_id"}}
