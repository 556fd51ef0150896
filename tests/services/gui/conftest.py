"""The web interface as a process, on a free port, with the shipped config."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.gui.service import READY
from tests.support.gui import SECRET, Browser, gui_config
from tests.support.process import ServiceProcess


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "app"


@pytest.fixture
def start_gui(run_service: Callable[..., ServiceProcess], free_port: int, home: Path) -> Callable[..., ServiceProcess]:
    """Starts the interface, and returns when it serves; `secret` is GUI_SECRET, `changed` fields of its config."""

    def start(secret: str = SECRET, bus: str = "127.0.0.1:1", token: str = "none", **changed: Any) -> ServiceProcess:
        env = {"GUI_SECRET": secret, "NATS_TOKEN": token, "GECHOLOG_HOME": str(home)}
        process = run_service("services.gui", gui_config(free_port, bus, **changed), env=env, home=home)
        process.wait_for_log(READY)
        return process

    return start


@pytest.fixture
def gui(start_gui: Callable[..., ServiceProcess]) -> ServiceProcess:
    """The interface with a password from the environment."""
    return start_gui()


@pytest.fixture
def browser(free_port: int) -> Browser:
    return Browser(free_port)


@pytest.fixture
def signed_in(gui: ServiceProcess, browser: Browser) -> Browser:
    """A browser in which admin is signed in."""
    assert browser.sign_in().status == 302
    return browser
