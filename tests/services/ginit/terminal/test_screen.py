"""What of the system log is shown on a terminal."""

import io
import json

import pytest

from services.ginit.startup.importing import IMPORTED
from services.ginit.startup.upgrade import UPDATED
from services.ginit.terminal.installation import Installation
from services.ginit.terminal.palette import Palette
from services.ginit.terminal.screen import Screen
from tests.services.ginit.terminal.sink import home_with_a_sink


class Gone(io.StringIO):
    """A terminal that was closed."""

    def write(self, _):
        raise OSError("Input/output error")


@pytest.fixture
def screen(tmp_path):
    return Screen(io.StringIO(), Palette(enabled=False), Installation(tmp_path, {}))


def shown(screen):
    return screen._stream.getvalue()


def log(screen, **fields):
    entry = {"time": "2026-01-01T12:01:03Z", "level": "INFO", "msg": "listening", "service": "gl"} | fields
    screen.log(json.dumps(entry).encode())


def test_start_is_quiet(screen):
    """Until all is started: a line for each healthy service, and what is wrong."""
    log(screen)
    log(screen, msg="service is healthy", service="ginit", child="gl")
    log(screen, level="WARN", msg="careful")
    first, second = shown(screen).splitlines()
    assert first == "  gl            healthy"
    assert second.endswith("warning: careful")


def test_a_sink_that_is_off(tmp_path):
    """It is healthy, but nobody should believe that it writes anything."""
    screen = Screen(io.StringIO(), Palette(enabled=False), home_with_a_sink(tmp_path))
    log(screen, msg="service is healthy", service="ginit", child="nats2log")
    assert shown(screen) == "  nats2log      off\n"


@pytest.mark.parametrize("message", [UPDATED, IMPORTED])
def test_updated_files_are_shown_at_the_start(screen, message):
    """Someone's folder was changed, if only where it held defaults."""
    log(screen, msg=message, service="entrypoint", file="/home/conf/gl_config.json")
    assert shown(screen).endswith(f"{message}  file=/home/conf/gl_config.json\n")


def test_a_long_name_keeps_its_distance(screen):
    """A processor's name may be longer than those of our services."""
    log(screen, msg="service is healthy", service="ginit", child="charactercount")
    assert shown(screen) == "  charactercount healthy\n"


def test_after_the_start_events_are_shown(screen):
    """But for the chatter of the bus."""
    screen.started()
    log(screen)
    log(screen, service="nats-server", msg="chatter")
    log(screen, service="nats-server", msg="trouble", level="ERROR")
    assert [line[22:] for line in shown(screen).splitlines()] == ["listening", "error: trouble"]


def test_what_is_no_json_is_shown(screen):
    """An error from before there was a log, escape sequences and all."""
    screen.log(b"Traceback \x1b[2J")
    screen.log(b"  ")
    assert shown(screen) == "Traceback \\x1b[2J\n"


def test_a_terminal_that_is_gone(tmp_path):
    """It is no reason to end."""
    Screen(Gone(), Palette(enabled=False), Installation(tmp_path, {})).show("text")
