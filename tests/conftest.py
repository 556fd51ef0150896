"""Fixtures that all tests share: the bus, an upstream, services as processes, certificates. Everything is real, on
free ports of 127.0.0.1, and gone after the test; several tests may run at once (pytest-xdist).

What the fixtures hand out is defined in `tests/support`, from where tests may also import:

    from tests.support.target import Answer
    from tests.support.waiting import eventually, until
"""

import gc
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import settings

from gecholog.tls import ingress_context
from tests.support import ports
from tests.support.nats_server import NatsServer
from tests.support.process import ServiceProcess, command_of, environment_of
from tests.support.target import Target

# Containers like to set it. Then all tests, and each of the thousands of processes that they start, would compile all
# of our modules anew, which takes as much CPU as the rest of a start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Collecting makes more than a million objects that stay, which the collector would walk again and again: a fifth of the
# CPU of a worker's start. It is back when the tests are collected.
gc.disable()

# Every run has the same examples, and no deadline: what fails, fails for everybody. `make soak` takes twice as many of
# them, `make search` looks for new ones.
settings.register_profile("same", deadline=None, derandomize=True, max_examples=50)
settings.register_profile("soak", deadline=None, derandomize=True, max_examples=100)
settings.register_profile("search", deadline=None, max_examples=2000)
settings.load_profile("same")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers (pytest-xdist), begin with the tests of whole appliances.

    They take up to 35 seconds and wait for much of it. At the end, where the alphabet has them, one worker would still
    be at a long one when the others have nothing left to do.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: not item.nodeid.startswith("tests/system/"))  # stable: files stay together


def pytest_collection_finish() -> None:
    """Take the modules of all tests out of the garbage collector's sight: it would walk them at each collection."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Leave the loggers as they were: commands that run in the process of a test set them up for themselves."""
    root, ours = logging.getLogger(), logging.getLogger("gecholog")
    handlers, levels, raising = root.handlers[:], (root.level, ours.level), logging.raiseExceptions
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
    logging.raiseExceptions = raising


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A nats-server with JetStream (store in the test's folder), a token, and a max_payload of 8 MiB."""
    server = NatsServer(tmp_path / "nats", jetstream=True)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def plain_nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A nats-server without JetStream, as someone's own config file would make it: the max_payload is 1 MiB."""
    server = NatsServer(tmp_path / "plain_nats", jetstream=False, max_payload=1024 * 1024)
    server.start()
    yield server
    server.kill()


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """A certificate authority, and a certificate of it for `localhost`, 127.0.0.1 and `target.test`, as PEM files.

    `stranger` is another authority, which has issued nothing. `issue` makes a further certificate of the first.
    """

    authority: Path
    certificate: Path
    private_key: Path
    stranger: Path
    issue: Callable[[str], tuple[Path, Path]]


@pytest.fixture(scope="session")
def tls_files(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    """Certificates for tests, made once."""
    folder = tmp_path_factory.mktemp("tls")
    authority, stranger = trustme.CA(), trustme.CA()

    def issue(name: str) -> tuple[Path, Path]:
        """A new certificate and its key, in the files `NAME.pem` and `NAME.key`."""
        issued = authority.issue_cert("localhost", "127.0.0.1", "target.test")
        certificate, private_key = folder / f"{name}.pem", folder / f"{name}.key"
        certificate.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(private_key)
        return certificate, private_key

    authority.cert_pem.write_to_path(folder / "authority.pem")
    stranger.cert_pem.write_to_path(folder / "stranger.pem")
    certificate, private_key = issue("server")
    return TlsFiles(folder / "authority.pem", certificate, private_key, folder / "stranger.pem", issue)


@pytest.fixture
async def start_target() -> AsyncIterator[Callable[..., Awaitable[Target]]]:
    """Starts upstreams: `await start_target()`, `await start_target(tls=context)`."""
    targets: list[Target] = []

    async def start(**options: Any) -> Target:
        started = Target(**options)
        targets.append(started)
        await started.start()
        return started

    yield start
    for started in targets:
        await started.stop()


@pytest.fixture
async def target(start_target: Callable[..., Awaitable[Target]]) -> Target:
    """An upstream that records requests and answers by script (see tests/support/target.py)."""
    return await start_target()


@pytest.fixture
async def tls_target(start_target: Callable[..., Awaitable[Target]], tls_files: TlsFiles) -> Target:
    """The same over TLS, with the certificate of `tls_files`."""
    return await start_target(tls=ingress_context(str(tls_files.certificate), str(tls_files.private_key)))


RunService = Callable[..., ServiceProcess]


@pytest.fixture
def run_service(tmp_path: Path) -> Iterator[RunService]:
    """Starts services as processes; what still runs after the test is killed.

        process = run_service("services.nats2log", config, env={"NATS_TOKEN": nats_server.token})
        process.wait_for_log("listening for messages")
        assert process.stop() == 0

    `config` is a file, or a value (dict) that is written to one. `alias` is the name in logs and of the checksum file
    (the last part of the module's name), `home` the GECHOLOG_HOME and working directory (`app` in the test's folder),
    `arguments` follow on the command line.
    """
    processes: list[ServiceProcess] = []

    def start(
        module: str,
        config: Path | Mapping[str, Any],
        *,
        alias: str = "",
        env: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        home: Path | None = None,
    ) -> ServiceProcess:
        alias = alias or module.rpartition(".")[2]
        home = home or tmp_path / "app"
        if isinstance(config, Mapping):
            value, config = config, tmp_path / f"{alias}_config.json"
            config.write_text(json.dumps(value, indent=2), "utf-8")
        command = command_of(module, config, alias, arguments)
        process = ServiceProcess(command, alias=alias, home=home, env=environment_of(home, env or {}))
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.close()


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on, and that no other test gets."""
    return ports.free_port()
