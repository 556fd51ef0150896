"""From a config file of ginit to the running appliance: check everything, then exec the launcher."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

from gecholog import atomic_file, config, health, held_sockets, regular_file
from gecholog.logs import Log
from gecholog.secret_hosts import LOOPBACK
from services.ginit.config import GinitConfig, build, config_spec
from services.ginit.startup import bus_users, first_key, ports, prepare
from services.ginit.startup.prepare import CannotStart

_ROOT = Path(__file__).parents[3]
_GUI = "gui"  # calls are served without the web interface, which says itself that it cannot listen
_READ_BY_NATS_SERVER = ("NATS_TOKEN", "NATS_PROCESSOR_PASSWORD")

log = Log("setup")


def restrict_umask() -> None:
    """Files that this process and its successors create are readable by their owner and group only.

    Records hold whole prompts, and configs secrets. The group may read because in a container often only the group is
    known in advance.
    """
    os.umask(os.umask(0o077) | 0o027)


def resolve_home() -> Path:
    """Make the path of the home folder absolute, for this process and its successors."""
    home = health.home().absolute()
    os.environ["GECHOLOG_HOME"] = str(home)
    return home


def ensure_secrets(home: Path, names: tuple[str, ...] = prepare.SECRETS) -> None:
    """Generate secrets that are not set, and check that nats-server can read its own. Raises CannotStart."""
    for name in names:
        try:
            file = prepare.ensure_secret(name, os.environ, home / "secrets")
        except OSError as error:
            raise CannotStart(f"{name} is not set, and a new one cannot be written: {error.strerror}") from error
        if file is not None:
            log.info("secret not set, using a generated one", variable=name, file=str(file))
    for name in _READ_BY_NATS_SERVER:
        if prepare.is_misread(os.environ.get(name, "")):
            raise CannotStart(
                f"{name} has a value that nats-server reads as something else than text: use letters and digits, "
                "beginning with a letter, other than true, false, yes, no, on and off"
            )


def set_bus_variables(home: Path) -> None:
    """Set the variables of nats-server.conf."""
    # in quotes, because nats-server parses the values of variables like its config
    os.environ["NATS_STORE_DIR"] = f'"{home / "nats"}"'
    os.environ["NATS_LISTEN"] = f'"{os.environ.get("GECHOLOG_LISTEN") or "0.0.0.0"}"'  # noqa: S104 - the default


def exec_launcher(file: Path, alias: str) -> NoReturn:
    """Exec the appliance with this config of ginit. Raises ConfigError, CannotStart; then nothing has been started."""
    restrict_umask()
    home = resolve_home()
    ensure_secrets(home)
    set_bus_variables(home)
    checked = build(config.check(config.read(file), str(file), config_spec()))
    _check_ports(checked, home)
    _choose_bus_users(checked, home)
    _ensure_first_key(checked, home)
    _warn_of_token(checked)
    run = prepare.runtime_folder(home)
    os.environ |= {
        "GECHOLOG_RUN": str(run),
        "GECHOLOG_PYTHON": os.environ.get("GECHOLOG_PYTHON") or sys.executable,
        "GECHOLOG_GINIT_CONFIG": str(file.absolute()),
        "GECHOLOG_GINIT_ALIAS": alias,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH")))),
    }
    _ensure_temporary_folder(run)
    sys.stdout.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until the launcher can handle it
    os.execv(sys.executable, [sys.executable, "-P", "-m", "services.ginit.startup.launcher"])  # noqa: S606 - no shell wanted


def _check_ports(checked: GinitConfig, home: Path) -> None:
    wanted = ports.wanted(checked.services, os.environ)
    dispensable = {service.name for service in checked.services if service.program.name == _GUI}
    if shared := ports.shared(wanted):
        lines = [
            f"port {port.number} is set for {owner.service} in {owner.file} and for {port.service} in {port.file}"
            for owner, port in shared
        ]
        raise CannotStart("\n".join(lines))
    held = held_sockets.ports(held_sockets.received(os.environ, os.getpid()))
    taken = [port for port in wanted if port.number not in held and ports.is_taken(port.number)]
    if taken and prepare.is_running(home):
        raise CannotStart(f"another appliance runs with the same home folder, {home}")
    for port in taken:
        if port.service in dispensable:
            log.warning(
                "port taken, starting without the service",
                port=port.number,
                service=port.service,
                remedy=f"end the program that listens on it, or set another port in {port.file}",
            )
    if needed := [port for port in taken if port.service not in dispensable]:
        lines = [
            f"port {port.number} is taken: another program listens on it, so {port.service} cannot. "
            f"End that program, or set another port in {port.file} (docs/operations.md says what has to follow)"
            for port in needed
        ]
        raise CannotStart("\n".join(lines))


def _ensure_first_key(checked: GinitConfig, home: Path) -> None:
    """Make a client key if gl asks for keys and there is none. Without one gl serves this machine only."""
    for file in (service.configuration_file for service in checked.services if service.program.name == "gl"):
        try:
            made = first_key.ensure(home, file)
        except OSError as error:
            log.warning("first client key cannot be written", reason=error.strerror or str(error))
        else:
            if made is not None:
                log.info("there was no client key, made the first one", file=str(made))


def _warn_of_token(checked: GinitConfig) -> None:
    """Warn if the one token of the bus, which processors have as well, is enough to make client keys.

    Not if only this machine reaches the bus, as after `make up`: who may read the token there may change the config.
    """
    if os.environ.get("GECHOLOG_LISTEN") in LOOPBACK:
        return
    gateways = [service.configuration_file for service in checked.services if service.program.name == "gl"]
    if bus_users.wanted(os.environ) is not None or not any(map(first_key.asks_for_keys, gateways)):
        return
    for file in (service.configuration_file for service in checked.services if service.is_nats_server):
        try:
            has_token = bus_users.has_token(regular_file.read_text(file, "utf-8"))
        except (OSError, UnicodeDecodeError):
            continue
        if has_token:
            log.warning(
                "everybody with the token of the bus can change client keys",
                remedy=f"{bus_users.SWITCH}=on gives processors a login of their own, {bus_users.SWITCH}=off ends this",
                see="docs/operations.md, Users of the bus",
            )


def _choose_bus_users(checked: GinitConfig, home: Path) -> None:
    """Write into nats-server.conf what NATS_USERS asks for. Raises CannotStart: the bus is not to stay open unseen."""
    users = bus_users.wanted(os.environ)
    if users is None or prepare.is_running(home):
        return
    for file in (service.configuration_file for service in checked.services if service.is_nats_server):
        try:
            text = regular_file.read_text(file, "utf-8")
            found = bus_users.switched(text, users=users)
            if found is None:
                raise CannotStart(
                    f"{bus_users.SWITCH} is set, but {file} does not have the two blocks of the shipped file: "
                    "unset it, or copy them from there"
                )
            if found != text:
                atomic_file.write(file, found.encode(), 0o640, fsync=True)
                log.info("users of the bus changed", file=str(file), users=os.environ[bus_users.SWITCH])
        except (OSError, UnicodeDecodeError) as error:
            raise CannotStart(f"{bus_users.SWITCH} is set, but {file} cannot be changed: {error}") from error


def _ensure_temporary_folder(run: Path) -> None:
    """Supervisord needs a temporary folder that can be written; a read-only container has none."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        os.environ["TMPDIR"] = str(run)
