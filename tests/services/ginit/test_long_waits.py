"""What takes the whole appliance long by nature: a supervisord that hangs, a service that says nothing.

Each of these waits for limits of eight seconds and more. The decisions and edges behind them have quick tests of their
own, so these run with the long proofs only.
"""

import os
import signal

import pytest

from gecholog import health
from tests.support.waiting import until

pytestmark = pytest.mark.soak


def is_healthy(home):
    return health.in_force("ginit", home.folder) is not None


def test_service_that_does_not_get_healthy_holds_nobody_up(home):
    """A service that runs and says nothing is waited for, but not for ever; the appliance is not healthy."""
    home.add("one", "hang").add("two").up()
    assert home.find("starting the others", child="one")
    assert home.state("one")["state"] == "starting"
    until(lambda: home.checksum("ginit") is None, "ginit without a checksum file")


def test_die_promise_with_a_supervisord_that_hangs(home):
    """Who does not react is killed: the container ends."""
    home.add("one").add("two", "hang", die_promise=True).start()
    until(lambda: home.pid("two"), "the process of two")
    home.becomes("two", "starting")
    os.kill(home.process.pid, signal.SIGSTOP)
    assert home.ended() == -signal.SIGKILL
    until(lambda: not home.processes(), "the end of all processes")


def test_supervisord_that_hangs(home):
    """Nobody could start a service again, so that is not healthy; the services go on."""
    home.add("one").up()
    until(lambda: is_healthy(home), "health")
    os.kill(home.process.pid, signal.SIGSTOP)
    until(lambda: not is_healthy(home), "the end of health")
    until(lambda: home.fault() == "supervisord does not respond", "the reason")
    os.kill(home.process.pid, signal.SIGCONT)
    home.said("supervisord responds again")
    until(lambda: is_healthy(home), "health")


def test_silent_config_is_rolled_back(home):
    """A service that runs and is not healthy with a new config is started again with the last good one."""
    home.add("one", "good", die_promise=True).up()
    before = home.checksum("one")
    home.config("one").write_text("hang", "utf-8")
    home.said("not healthy with the new config", child="one")
    home.said("service is healthy", child="one", times=2, sha256=before)
    assert home.checksum("one") == before
