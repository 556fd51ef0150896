"""`deploy.sh` while calls are under way: another version takes over, and a broken one is rolled back."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.dummy import Dummy
from tests.support.process import environment_of
from tests.support.service_manager import ServiceManager
from tests.support.waiting import until
from tests.system.conftest import Default
from tests.system.load import LoadRun

pytestmark = [pytest.mark.slow, pytest.mark.soak, pytest.mark.timeout(400)]

ROOT = Path(__file__).parents[2]
VENV = Path(sys.prefix)
# What is wrong with a version that was built so
NO_START = "echo 'raise SystemExit(1)' > services/ginit/startup/launcher.py"
UNHEALTHY = r"sed -i 's/^    async def open(self.*/&\n        raise SystemExit/' services/gl/gateway.py"
REFUSES = 'sed -i \'0,/"required": \\[/s//"required": ["a_field_of_tomorrow", /\' services/gl/gl_config.schema.json'


class Host:
    """A host with the appliance under a service manager, which was installed by deploy.sh."""

    def __init__(self, appliance, folder):
        self.appliance = appliance
        self.root = folder / "opt"
        self._environ = environment_of(appliance.folder, {})
        self.manager = None
        self.deploy()
        self.first = self.current
        addresses = [("127.0.0.1", appliance.gl_port), ("127.0.0.1", appliance.gui_port)]
        self.manager = ServiceManager(self.root / "current" / "entrypoint.sh", self._environ, addresses)
        self.manager.start()
        until(self.is_healthy, "a healthy appliance")

    @property
    def current(self):
        return (self.root / "current").resolve().name

    def is_healthy(self):
        return subprocess.run([ROOT / "services/bin/healthcheck"], env=self._environ, check=False).returncode == 0

    def deploy(self, broken="true", argument=str(ROOT), **variables):
        """Run deploy.sh; returns its exit code and what it said."""
        commands = {}
        if self.manager is not None:
            commands = {"RESTART": self.manager.command("restart"), "ALIVE": self.manager.command("alive")}
        environ = self._environ | commands | {"ROOT": str(self.root), "BUILD": f"ln -s {VENV} .venv; {broken}"}
        done = subprocess.run(
            [ROOT / "deploy.sh", argument], env=environ | variables, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """One for all tests: each leaves a healthy version behind. The LLM is not part of the appliance."""
    folder = tmp_path_factory.mktemp("host")
    dummy = Dummy(folder / "dummy", {})
    dummy.process.wait_for_log("http server initialized")
    appliance = Default(folder / "app")
    routers = json.loads(appliance.config("gl_config").read_text("utf-8"))["routers"]
    for router in routers:
        if router["path"] == "/dummy/":
            router["outbound"]["url"] = f"http://127.0.0.1:{dummy.port}"
    appliance.change("gl_config", gl_host="127.0.0.1", routers=routers)
    appliance.change("gui_config", gui_host="127.0.0.1")
    made = Host(appliance, folder)
    yield made
    made.manager.close()
    dummy.process.close()


async def deployed(host, **arguments):
    """Deploy under 100 calls/s and streams; returns the exit code, the output, and the load."""
    async with LoadRun(host.appliance.url, rate=100, callers=100, streamers=2, timeout_s=120) as load:
        await asyncio.sleep(1)
        code, said = await asyncio.to_thread(host.deploy, **arguments)
        await asyncio.sleep(1)
    sys.stdout.write(
        "\nfigures "
        + json.dumps({"calls": load.done, "streams": load.streams, "longest_s": round(load.longest_s, 1)})
        + f"\n{said}"
    )
    assert [*load.failures[:3], *load.broken[:3]] == [], (len(load.failures), len(load.broken))
    return code, said


async def test_another_version(host):
    """It takes over the sockets of the one before, and can be taken back."""
    code, said = await deployed(host)
    assert code == 0, said
    assert host.current != host.first
    code, said = await deployed(host, argument="--back", TRIAL="no")
    assert code == 0, said
    assert host.current == host.first


@pytest.mark.parametrize(
    ("broken", "why"),
    [(NO_START, "the trial start of .* failed"), (UNHEALTHY, "the trial start of .* failed"), (REFUSES, "refuses the")],
)
async def test_broken_version_is_refused(host, broken, why):
    """Before the version that runs is touched."""
    before, starts = host.current, host.manager.starts
    code, said = await deployed(host, broken=broken, HEALTH_SECONDS="15")
    assert (code, host.current, host.manager.starts) == (1, before, starts)
    assert re.search(why, said)


@pytest.mark.parametrize("broken", [NO_START, UNHEALTHY])
async def test_broken_version_is_rolled_back(host, broken):
    """Where no trial start is possible. Clients wait meanwhile."""
    before = host.current
    code, said = await deployed(host, broken=broken, TRIAL="no", HEALTH_SECONDS="20")
    assert (code, host.current) == (2, before), said
    assert host.is_healthy()
