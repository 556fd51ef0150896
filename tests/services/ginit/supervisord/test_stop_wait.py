"""How long supervisord waits for the end of a service (that it does is in test_client)."""

from types import SimpleNamespace

import pytest
from supervisor.xmlrpc import Faults, RPCError

from services.ginit.supervisord import stop_wait


def group(*seconds):
    configs = [SimpleNamespace(stopwaitsecs=one) for one in seconds]
    processes = {number: SimpleNamespace(config=config) for number, config in enumerate(configs)}
    return SimpleNamespace(processes=processes, configs=configs)


def test_set_at_run_time():
    """For all processes of the group, and for no other."""
    one, two = group(3, 3), group(3)
    interface = stop_wait.make(SimpleNamespace(process_groups={"one": one, "two": two}))
    assert interface.setStopWait("one", 23) is True
    assert [config.stopwaitsecs for config in (*one.configs, *two.configs)] == [23, 23, 3]


def test_group_that_is_not_known():
    """As supervisord's own interfaces say it."""
    with pytest.raises(RPCError) as raised:
        stop_wait.make(SimpleNamespace(process_groups={})).setStopWait("one", 23)
    assert raised.value.code == Faults.BAD_NAME
