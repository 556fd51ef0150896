"""Metrics of services that answer on the bus."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gl.metrics.bus_services import ServiceStats, ServiceTotals, stats_of


def processor(service="broker", process="p1", requests=5, errors=1, time=2_000_000_000) -> bytes:
    endpoint = {"num_requests": requests, "num_errors": errors, "processing_time": time, "data": None}
    return json.dumps({"name": service, "id": process, "endpoints": [endpoint]}).encode()


def sink(service="nats2file", process="s1", **fields) -> bytes:
    data = {"mode": "file_writer", "lag": 3, "held": 0, "written": 7, "dead_letters": 1} | fields
    return json.dumps({"name": service, "id": process, "endpoints": [{"name": "status", "data": data}]}).encode()


def totals(*rounds):
    found = ServiceTotals()
    for answers in rounds:
        found.update([one for one in map(stats_of, answers) if one is not None])
    return found.snapshot().value


def test_processor():
    """A processor tells how many messages it has handled, and for how long."""
    value = totals([processor(), processor(process="p2", requests=2)])
    assert value("gecholog_service_up", "broker") == 2
    assert value("gecholog_service_requests_total", "broker") == 7
    assert value("gecholog_service_errors_total", "broker") == 2
    assert value("gecholog_service_processing_seconds_total", "broker") == 4_000_000_000


def test_sink():
    """A sink tells its lag, what it has delivered, and whether its destination is there."""
    value = totals([sink(percent_of_limits=50, outage="refused")])
    assert value("gecholog_sink_lag_records", "nats2file") == 3
    assert value("gecholog_sink_delivered_total", "nats2file") == 7
    assert value("gecholog_sink_dead_letters_total", "nats2file") == 1
    assert value("gecholog_sink_stream_limit_ratio", "nats2file") == 0.5
    assert value("gecholog_sink_outage", "nats2file") == 1
    assert totals([sink(mode="off")])("gecholog_sink_delivered_total", "nats2file") is None


def test_restart():
    """Counters grow on when a process is replaced by another. A service that answers no more is not up."""
    rounds = [[processor(requests=5)], [processor(requests=6)], [processor(process="p2", requests=1)], []]
    assert totals(*rounds)("gecholog_service_requests_total", "broker") == 7
    assert totals(*rounds)("gecholog_service_up", "broker") == 0
    assert totals([sink()], [])("gecholog_sink_lag_records", "nats2file") is None


@pytest.mark.parametrize("name", ["", "a b", 'a"b', "x" * 65, None, 1])
def test_names(name):
    """What cannot be a label is not shown."""
    assert stats_of(json.dumps({"name": name, "id": "p", "endpoints": []}).encode()) is None


@given(
    st.binary(max_size=50)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=5) | st.sampled_from(["name", "id", "endpoints", "data", "mode"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["name", "id", "endpoints", "data", "mode", "lag", "written"]), inner, max_size=5
            )
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_anything(data):
    """Anybody on the bus may answer with anything."""
    found = stats_of(data)
    assert found is None or isinstance(found, ServiceStats)
    if found is not None:
        totals([data])


def test_many():
    """Nobody on the bus can fill the memory with names."""
    value = totals([processor(service=f"s{number}") for number in range(500)])
    assert value("gecholog_service_up", "s199") == 1
    assert value("gecholog_service_up", "s200") is None
